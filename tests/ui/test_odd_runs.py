"""Unusual data sets and event logs: other classes, no mistakes, divergence, and escape sequences."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, HardwareSampled, Phase, PhaseChanged, RunFailed
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.recorded import CLASSES, Recording
from tests.ui.host import SIZES, Host, settled
from tests.ui.odd_runs import odd_run

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
BRACKETS = ("[/]", "[x='", "back\\", 'a "b"')
"""Names that look like markup, or need quotes in a filter."""

SMALL, NORMAL, LARGE = SIZES


@pytest.mark.parametrize(
    ("names", "size"),
    [
        (("one",), SMALL),
        (("left", "right"), LARGE),
        (BRACKETS, NORMAL),
        (CLOTHES, SMALL),
        (CLOTHES, LARGE),
        (LETTERS, SMALL),
        (LETTERS, NORMAL),
    ],
)
async def test_any_classes_have_a_matrix_a_gallery_and_single_digits(
    tmp_path: Path, names: tuple[str, ...], size: tuple[int, int]
) -> None:
    app = Host(odd_run(tmp_path, names), ConfusionScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("pageup", "home", "c", "n", *["pagedown"] * 3, "end")
        await settled(pilot)
        assert app.screen.query_one(ConfusionMatrix).cursor == (len(names) - 1, len(names) - 1)
        assert {len(line) for line in app.lines()} == {size[0]}
        assert names[-1][:8] in app.text()
        await pilot.press("enter")
        await settled(pilot)
        assert [str(each.wanted) for each in app.opened] != []
        gallery = DigitsScreen(app.session, app.opened[-1].wanted)
        app.push_screen(gallery)
        await settled(pilot)
        assert f"{names[-1][:8]}" in app.text()
        await pilot.press("enter", "tab")
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)
        assert {len(line) for line in app.lines()} == {size[0]}


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_scores_of_a_class_without_digits_are_dashes(tmp_path: Path, size: tuple[int, int]) -> None:
    app = Host(odd_run(tmp_path, CLOTHES, absent=3), ConfusionScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("c", "n", "n", "n")
        app.screen.query_one(ConfusionMatrix).cursor = (3, 3)
        await settled(pilot)
        assert "Empty: no Dress" in app.text()
        (row,) = [line for line in app.lines() if line[1:].lstrip().startswith(("Dress  ", "Dress 3  "))]
        assert "–" in row


@pytest.mark.parametrize(("build", "words"), [(ConfusionScreen, "None: "), (DigitsScreen, "No mistakes: all 100 ")])
async def test_a_run_without_mistakes_has_a_sentence(
    tmp_path: Path, build: Callable[..., ConfusionScreen | DigitsScreen], words: str
) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    for _ in range(2):
        recording.end_epoch(np.eye(CLASSES, dtype=np.float16)[recording.labels])
    app = Host(recording.run, build)
    async with app.shown(NORMAL) as pilot:
        await settled(pilot)
        assert words in app.text()
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert "epoch 1 of 2" in app.text()


async def test_a_diverged_epoch_is_shown(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    recording.end_epoch()
    recording.end_epoch(np.full((100, CLASSES), np.nan, dtype=np.float16))
    for build in (ConfusionScreen, DigitsScreen):
        app = Host(recording.run, build)
        async with app.shown((120, 40)) as pilot:
            await settled(pilot)
            await pilot.press("c" if build is ConfusionScreen else "h", "enter", "tab")
            await settled(pilot)
            assert {len(line) for line in app.lines()} == {120}


def written(home: Path, *events: AnyEvent, between: bytes = b"", name: str = "odd-otter") -> RunDirectory:
    """A run in training with these events, and other bytes before the last of them."""
    run = RunDirectory(home / "20231114-221320")
    run.path.mkdir()
    run.write_record(msgspec.structs.replace(samples.record(), name=name))
    first = [samples.run_started(), PhaseChanged(time=samples.CREATED + 8, phase=Phase.TRAINING)]
    lines = [encode(event) for event in [*first, *events]]
    run.events_path.write_bytes(b"".join(lines[:-1]) + between + lines[-1])
    return run


class Seen(Host):
    """Keeps the last text on the screen."""

    seen = ""


async def trained(run: RunDirectory, size: tuple[int, int]) -> Seen:
    """Show the training screen and change its curves with every key."""
    app = Seen(run, TrainingScreen, now=samples.CREATED + 60)
    async with app.shown(size) as pilot:
        await settled(pilot)
        for key in ("y", "x", "x", "x", "plus", "minus"):
            await pilot.press(key)
            await settled(pilot)
            assert {len(line) for line in app.lines()} == {size[0]}
            app.seen = app.text()
    return app


every_size = pytest.mark.parametrize("size", [(3, 2), SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")


@every_size
async def test_a_loss_that_is_nan_from_the_first_step_is_missing_in_the_curves(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    steps = [samples.step_ended(step, loss=None, accuracy=None) for step in range(1, 700)]
    end = samples.epoch_ended(1, train_loss=None, train_accuracy=None, validation_loss=None)
    app = await trained(written(tmp_path, *steps[:550], end, *steps[550:]), size)
    assert app.session.view.history.steps.count == 699
    if size in SIZES:
        assert "NaN" in app.seen


@pytest.mark.parametrize("size", [(20, 5), NORMAL])
async def test_a_run_of_one_step_is_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await trained(written(tmp_path, samples.step_ended(1)), size)
    assert app.session.view.progress.step == 1
    assert app.session.view.progress.seconds_left is None


@every_size
async def test_unknown_events_are_skipped_and_counted(tmp_path: Path, size: tuple[int, int]) -> None:
    later = encode(samples.step_ended(300)).removesuffix(b"}\n") + b',"mood":{"of":["the",1]}}\n'
    strange = b'{"type":"layer_dreamed","time":1.0}\n' * 3 + b"\x00rubbish\n" + later
    events = samples.steps(299)
    app = await trained(written(tmp_path, *events, samples.step_ended(301), between=strange), size)
    assert app.session.view.unknown_events == 4
    if size == SIZES[-1]:
        assert "4 of another version skipped" in app.seen
    assert app.session.view.history.steps.column("step").tolist() == list(range(1, 302))


@pytest.mark.parametrize("size", [(20, 5), NORMAL])
async def test_a_clock_that_jumps_backwards_keeps_progress_in_range(tmp_path: Path, size: tuple[int, int]) -> None:
    hour = 3_600.0
    before = samples.steps(200)
    after = [samples.step_ended(step, time=samples.CREATED - hour + step / 10) for step in range(201, 401)]
    sampled = HardwareSampled(
        time=samples.CREATED - hour, engine_cpu=1.0, engine_memory=1, machine_cpu=1.0, machine_memory=1
    )
    app = await trained(written(tmp_path, *before, sampled, *after), size)
    state = app.session.view.progress
    assert state.step == 400
    assert 0.0 <= state.run_fraction <= 1.0
    assert state.seconds_left is None or state.seconds_left >= 0.0


@every_size
async def test_escape_sequences_never_reach_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31mbad[red]"
    run = written(tmp_path, *samples.steps(5), RunFailed(time=samples.CREATED + 20, error=f"no {evil}"), name=evil)
    app = await trained(run, size)
    assert not any(letter in app.seen for letter in "\x1b\x07\x9b")
    if size in SIZES:
        assert "bad[red]" in app.seen
