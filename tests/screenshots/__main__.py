"""Paint the README's screenshots from the recorded run: `python -m tests.screenshots [FOLDER]`."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from textual.color import Color

from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, list_runs
from mnist_tui.ui import model_loader
from mnist_tui.ui.theme import palette
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run, time_zone
from tests.screenshots.painter import Rgb, paint, save
from tests.ui.compared import recorded
from tests.ui.program import program, settled, strips, wait_for

FOLDER = Path(__file__).parent.parent.parent / "screenshots"
LIVE_STEP = 2_000
"""Step at which a live training is painted."""
OTHER_RUNS = ("paused-otter", "killed-otter")
AFTERWARDS = 6 * 3600
"""Seconds from the end of the run to the painting; the other runs began five hours after it."""


UNTIL = "until:"


@dataclass(frozen=True)
class Scene:
    """One screenshot of the recorded run."""

    name: str
    keys: tuple[str, ...] = ()
    """Keys that lead to the screen, and words to wait for: UNTIL followed by them."""
    size: tuple[int, int] = (120, 40)
    """Columns and rows of the terminal."""
    is_training: bool = False
    other_runs: tuple[str, ...] = ()
    """Other recorded runs in the home of runs."""
    is_trained: bool = False
    """True if the scene is of a run that is trained for it, whose model replies."""


DRAWN = (*["up"] * 9, *["left"] * 11, "space", *["right"] * 12, *["down", "down", "left"] * 7, "space")
"""Keys that draw a 7 beside the centre of the canvas."""

SCENES = (
    Scene(
        "home", ("0", "until:Most confident", "tab", "down", "down", "until:mistakes  epoch 3"), other_runs=OTHER_RUNS
    ),
    Scene("training", is_training=True),
    Scene("training-80x24", size=(80, 24), is_training=True),
    Scene("training-200x60", size=(200, 60), is_training=True),
    Scene("confusion", ("2",)),
    Scene("digits", ("3",)),
    Scene("digit", ("3", "enter")),
    Scene("draw", ("6", *DRAWN, "until:centred: 7"), is_trained=True),
    Scene("layers", ("7", "until:maps of"), is_trained=True),
    Scene("arithmetic", ("7", "until:maps of", *["down"] * 4, "until:conv2, 32", "enter"), is_trained=True),
    Scene("map", ("8", "until:PCA"), is_trained=True),
    Scene("compare", ("0", "tab", "space", "down", "space", "c"), other_runs=OTHER_RUNS[:1]),
)


async def take(scene: Scene, path: Path) -> None:
    """Open the run of a scene, go to the screen and paint it."""
    with contextlib.ExitStack() as stack:
        if not scene.is_trained:
            stack.enter_context(mock.patch.object(model_loader, "load_model", return_value=None))
        for name in scene.other_runs:
            recorded(name)
        if scene.is_training:
            replay = Replay()
            replay.to_step(LIVE_STEP)
            stack.enter_context(FakeEngine(replay.run))
            app = program(replay.run, replay.clock)
        elif scene.is_trained:
            app = program(trained_run(), time.time)
        else:
            app = program(recorded_run(), Clock(finishing_time() + AFTERWARDS))
        async with app.run_test(size=scene.size) as pilot:
            await settled(pilot)
            for key in scene.keys:
                if key.startswith(UNTIL):
                    await wait_for(pilot, key.removeprefix(UNTIL))
                else:
                    await pilot.press(key)
                    await settled(pilot)
            colours = palette(app.theme_variables)
            save(paint(strips(app), rgb(colours.foreground), rgb(colours.background)), path)


def trained_run() -> RunDirectory:
    """Train a run, unless the home of runs has one; wait until the engine of the scene before has exited."""
    command = [sys.executable, "-m", "mnist_tui", "train", "--plain", "--name", "brave-otter"]
    if not list_runs():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    run = list_runs()[0]
    while run.engine() is not None:
        time.sleep(0.1)
    return run


def rgb(colour: Color) -> Rgb:
    """Return red, green and blue of a Textual colour, 0..255."""
    red, green, blue = colour.rgb
    return red, green, blue


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as trained:
        for scene in SCENES:
            with tempfile.TemporaryDirectory() as recorded_home:
                home = trained if scene.is_trained else recorded_home
                os.environ["HOME"] = home
                os.environ[HOME_VARIABLE] = f"{home}/.local/share/mnist-tui"
                path = folder / f"{scene.name}.png"
                asyncio.run(take(scene, path))
                print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    with time_zone("UTC"):
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
