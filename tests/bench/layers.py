"""Time to show layers: a page of feature maps, all layers of `reference`, and epochs that are played.

In one process, without a terminal, in a window of 120 x 40. The engine's replies are made up, in the shapes of
`reference`, and known before the clock starts; so these are the screen's own seconds.
"""

import asyncio
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from mnist_tui.control.protocol import Inspect, Reply, Request
from mnist_tui.ui.layers.screen import LayersScreen
from mnist_tui.ui.layers.wall import Wall
from tests.bench.result import Result
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording
from tests.ui.host import Host
from tests.ui.inspections import Model, Replies, answer

EPOCHS = 20
TRIES = 40
BLOCKS = {"block1": 28, "block2": 14}
"""Names of the blocks of `reference` and the sides of their maps."""
Measure = Callable[[Host, LayersScreen], Awaitable[Result]]


def reference() -> Model:
    """Return the layers of `reference`."""
    model: Model = {"images": ("InputLayer", (), (28, 28, 1))}

    def add(name: str, kind: str, shape: tuple[int, ...]) -> None:
        model[name] = (kind, (list(model)[-1],), shape)

    add("rescale", "Rescaling", (28, 28, 1))
    for block, side in BLOCKS.items():
        for name, kind in (("conv1", "Conv2D"), ("conv2", "Conv2D"), ("norm", "BatchNormalization")):
            add(f"{block}_{name}", kind, (side, side, 64))
        for name, kind in (("pool", "MaxPooling2D"), ("dropout", "Dropout")):
            add(f"{block}_{name}", kind, (side // 2, side // 2, 64))
    add("flatten", "Flatten", (3136,))
    for units, name in ((256, "dense1"), (128, "dense2"), (128, "head_dropout"), (10, "probabilities")):
        add(name, "Dropout" if "dropout" in name else "Dense", (units,))
    return model


def maps_page() -> Result:
    """Milliseconds to paint a page of at least 16 feature maps of 28x28 that were never drawn; 95th percentile."""

    async def measure(app: Host, screen: LayersScreen) -> Result:
        took, drawn = [], 0
        wall = screen.query_one("#own", Wall)
        for _ in range(TRIES):
            drawn = wall.page
            began = time.perf_counter()
            screen.action_next_scale()  # the same maps in other colours: nothing drawn before can be used
            took.append(_painted(app, began) * 1e3)
            await asyncio.sleep(0.02)
        value = statistics.quantiles(took, n=20)[-1]
        return Result(round(value, 1), "ms", 30.0, {"maps": drawn, "milliseconds": [round(each, 1) for each in took]})

    return _run(measure)


def layers_walk() -> Result:
    """Milliseconds to bring every layer of `reference` to the screen, and to draw its page of maps; median."""

    async def measure(app: Host, screen: LayersScreen) -> Result:
        took, names = [], list(reference())
        for name in names:  # until all replies are known
            screen.select(layer=name, channel=0)
            await _idle(screen)
        for _ in range(TRIES // 4):
            seconds = 0.0
            for name in names:
                began = time.perf_counter()
                screen.select(layer=name, channel=0)
                seconds += _painted(app, began)
                await asyncio.sleep(0)
            took.append(seconds * 1e3)
        raw = {"layers": len(names), "milliseconds": [round(each) for each in took]}
        return Result(round(statistics.median(took)), "ms", 300.0, raw)

    return _run(measure)


def play_layers() -> Result:
    """Frames per second while 20 epochs of a layer with 64 maps of 28x28 are played, replies on their way included."""

    async def measure(app: Host, screen: LayersScreen) -> Result:
        screen.travel_to(screen.travel_points()[0])
        frames: list[float] = []
        shown: object = None
        screen.action_play()
        while screen.is_playing or screen.point != screen.travel_points()[-1]:
            content = screen.query_one("#own", Wall).content
            if content is not shown and not isinstance(content, str):
                shown = content
                _painted(app, 0)
                frames.append(time.perf_counter())
            await asyncio.sleep(0.002)
        gaps = [after - before for before, after in itertools.pairwise(frames)]
        raw = {"frames": len(frames), "longest_gap_ms": round(max(gaps) * 1e3)}
        return Result(round(len(gaps) / sum(gaps), 1), "frames/s", 8.0, raw, higher_is_better=True)

    return _run(measure)


def _painted(app: Host, began: float) -> float:
    app.screen._compositor.render_strips()
    return time.perf_counter() - began


async def _idle(screen: LayersScreen) -> None:
    await asyncio.sleep(0.05)
    while not screen.side.inspections.is_idle:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


def _run(measure: Measure) -> Result:
    replies = Replies(best=EPOCHS, model=reference())
    made: dict[tuple[str, object], bytes] = {}

    def reply(request: Request) -> Reply | str:
        """Return a reply as it comes over the socket: encoded before, decoded now."""
        assert isinstance(request, Inspect)
        key = request.layer, request.weights
        if key not in made:
            made[key] = msgspec.json.encode(replies(request))
        return msgspec.json.decode(made[key], type=Reply)

    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        recording = Recording.begin(Path(home), planned=EPOCHS, n=200)
        for _ in range(EPOCHS):
            path = recording.run.weights_path(recording.end_epoch().epoch)
            path.parent.mkdir(exist_ok=True)
            path.touch()  # kept, as far as the screen knows
        answer(patch, reply)
        with FakeEngine(recording.run):
            return asyncio.run(_measured(recording, measure))


async def _measured(recording: Recording, measure: Measure) -> Result:
    app = Host(recording.run, LayersScreen)
    async with app.shown((120, 40)):
        screen = app.screen
        while not isinstance(screen, LayersScreen) or not screen.selected.layer:
            await asyncio.sleep(0.01)
            screen = app.screen
        await _idle(screen)
        gc.freeze()  # as the program does when it opens a run
        return await measure(app, screen)
