"""Where the parts are put together. Every heavy import is late.

This is the one place that knows both the engine's registries and the face, and hands the ones to the other.
"""

import os
import sys
from typing import TYPE_CHECKING

from mnist_tui.cluster import Cluster
from mnist_tui.config import RunConfig
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue

if TYPE_CHECKING:
    from mnist_tui.ui.app import MnistTuiApp


class UsageError(Exception):
    """What was asked cannot be done here; one sentence."""


def catalogue() -> Catalogue:
    """What the engine offers, without what it needs."""
    from mnist_tui.engine import backends
    from mnist_tui.engine.data.datasets import DATASETS, check_spec
    from mnist_tui.engine.models.presets import PRESETS

    recipes = {name: preset.recipe for name, preset in PRESETS.items()}
    return Catalogue(recipes, tuple(DATASETS), check_spec, backends.check)


def check_data(spec: str) -> str:
    """A data spec that can be read, as an absolute path where it is one; raises ConfigError."""
    from mnist_tui.engine.data.datasets import verify

    checked = str(SETTINGS_BY_KEY["data"].parse(spec, catalogue()))
    verify(checked)
    return checked


def launch(config: RunConfig, cluster: Cluster | None = None) -> RunDirectory:
    """Check device and data and start an engine, as the first of several where a place says so.

    Raises ConfigError or RunError, and then leaves nothing behind.
    """
    from mnist_tui.control.client import start
    from mnist_tui.engine.backends.planning import plan_before_import
    from mnist_tui.engine.data.datasets import verify

    on_gpu, processes = plan_before_import(config).on_gpu, cluster.processes if cluster is not None else 1
    verify(config.data)
    recipe = catalogue().recipes[config.preset]
    return start(recipe.settled(config, on_gpu=on_gpu, processes=processes), cluster)


def watch(run: RunDirectory, plain: bool, since: float = 0.0) -> int:
    """Follow a run on the screen or in plain lines; returns the exit status.

    `since` is when it was told to go on, in seconds since the epoch: an earlier end is not its end.
    """
    if plain:
        from mnist_tui.cli.plain import follow

        return follow(run, since=since)
    return show_screen(run)


def show_screen(run: RunDirectory | None) -> int:
    """The face, on the home screen or on a run."""
    check_terminal()
    app = make_app(run)
    try:
        app.run()
    except OSError:  # drawing on a terminal that has just gone may fail first, and cannot even be told there
        if not app.ended_by:
            raise
    return app.ended_by or app.return_code or 0


def make_app(run: RunDirectory | None) -> "MnistTuiApp":
    """The face, wired to the engine's registries."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read when Textual is imported; bytes on a slow link
    from mnist_tui.ui.app import MnistTuiApp

    return MnistTuiApp(catalogue(), launch, run)


def check_terminal() -> None:
    """Whether this terminal can show the screen; raises UsageError with the mend before anything is started."""
    from mnist_tui.cli.terminal import unsupported_reason

    reason = unsupported_reason(
        os.environ, stdin=sys.stdin.isatty(), stdout=sys.stdout.isatty(), stderr=sys.stderr.isatty()
    )
    if reason:
        raise UsageError(reason)
