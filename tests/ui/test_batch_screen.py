"""The batch screen: what it asks for and when, before and after augmentation, and a run that has ended."""

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot

from mnist_tui.control.protocol import BatchView, NextBatch, Reply
from mnist_tui.runs.highest_loss import HighestLosses
from mnist_tui.ui.batch.screen import BatchScreen
from mnist_tui.ui.digits.image_grid import ImageGrid
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Replay, recorded_run
from tests.ui.host import Host
from tests.ui.program import looks


def batch_of(count: int, shape: tuple[int, ...], *, augmented: bool = True) -> BatchView:
    images = np.zeros((count, *shape), np.uint8)
    images[:, 2:6] = 255
    return BatchView(
        epoch=2,
        batch=7,
        batches=1_250,
        size=count,
        steps_per_execution=1,
        shape=shape,
        indices=tuple(range(count)),
        labels=tuple(number % 10 for number in range(count)),
        images=images.tobytes(),
        augmented=(255 - images).tobytes() if augmented else None,
        random_layers=("RandomFlip",),
    )


async def shown(pilot: Pilot[None], app: Host, *words: str) -> str:
    """Wait until all words are on the screen, and return its text."""
    for _ in looks():
        await pilot.pause()
        text = " ".join(app.text().split())
        if all(each in text for each in words):
            return text
    raise AssertionError(f"{words!r} never came:\n{app.text()}")


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3)], ids=["grey", "RGB"])
async def test_the_next_batch_shows_before_and_after_augmentation(shape: tuple[int, ...]) -> None:
    replay = Replay()
    replay.to_step(1_200)
    with FakeEngine(replay.run) as engine:
        engine.answer = lambda _: msgspec.json.encode(Reply(ok=True, batch=batch_of(44, shape))) + b"\n"
        app = Host(replay.run, BatchScreen)
        async with app.shown((120, 40)) as pilot:
            await shown(pilot, app, "Batch 7 of 1,250 of epoch 2", "44 images after augmentation", "RandomFlip")
            grid = app.front.query_one(ImageGrid)
            after = grid.draw()
            await pilot.press("space")
            await shown(pilot, app, "44 images before augmentation", "#00000", "#00005")
            assert grid.draw() != after
            await pilot.press("end")
            await shown(pilot, app, "#00043")
            for _ in range(3):
                app.front.catch_up()
            assert engine.sent() == [NextBatch()]  # the step is the same, so nothing is asked for again


async def test_an_ended_run_says_that_nothing_trains_and_shows_the_highest_loss_of_its_last_epoch() -> None:
    run, count = recorded_run(), 40
    HighestLosses(
        epoch=3,
        trained=12_800,
        predicted_count=768,
        indices=np.arange(count, dtype=np.int32),
        labels=np.full(count, 4, np.uint8),
        images=np.zeros((count, 28, 28), np.uint8),
        predicted=np.full(count, 9, np.uint8),
        confidences=np.full(count, 0.98, np.float32),
        losses=np.linspace(9, 3, count, dtype=np.float32),
        steps=np.full(count, 12, np.int32),
    ).write(run)
    app = Host(run, BatchScreen)
    async with app.shown((80, 24)) as pilot:
        await shown(pilot, app, "Nothing trains: this run is finished", "768 of the 12,800 images")
        await shown(pilot, app, "4 → 9 4 → 9", "9.00 #00000")
        await pilot.press("end")
        await shown(pilot, app, "3.00 #00039")
