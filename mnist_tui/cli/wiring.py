"""Connections between the command line, the ui and the engine's registries. Every heavy import is lazy."""

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mnist_tui.cli.reading import reading
from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError, RunConfig, Target
from mnist_tui.runs.directory import RunDirectory, home
from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnist_tui.analysis.data_report import DataReport
    from mnist_tui.engine.data.datasets import DataSet
    from mnist_tui.engine.hardware.sampler import GpuReader
    from mnist_tui.runs.queue_entry import Entry
    from mnist_tui.ui.app import MnistTuiApp
    from mnist_tui.ui.home.machine_panel import MachineLoad

CPU_SECONDS = 0.2
"""Seconds over which the load of the CPU is averaged."""


class UsageError(Exception):
    """The command line cannot be carried out here. The message is a sentence."""


def catalogue() -> Catalogue:
    """Return what the engine offers, without importing Keras."""
    from mnist_tui.engine import backends
    from mnist_tui.engine.data.datasets import DATASETS, check_spec, load, verify
    from mnist_tui.engine.models.presets import PRESETS
    from mnist_tui.preferences import read_preferences

    recipes = {name: preset.recipe for name, preset in PRESETS.items()}
    preferred = {"on_end": read_preferences().on_end}
    return Catalogue(recipes, tuple(DATASETS), check_spec, backends.check, verify, load, preferred)


def check_data(spec: str) -> str:
    """Return the spec of data that exists, with a path made absolute; raises ConfigError."""
    return str(SETTINGS_BY_KEY["data"].parse(spec, catalogue()))


def load_data(spec: str) -> "DataSet":
    """Load a data set; raises ConfigError."""
    from mnist_tui.engine.data.datasets import load

    with reading(spec) as report:
        return load(spec, report)


def check_evaluated(spec: str) -> str:
    """Return the spec of data that `evaluate` can read, with a path made absolute; raises ConfigError."""
    from mnist_tui.engine.data.datasets import load_evaluated

    checked = check_data(spec)
    with reading(checked) as report:
        load_evaluated(checked, report=report)
    return checked


def look_at_data(spec: str, progress: Callable[[str], None]) -> "DataReport":
    """Read a data set and examine it; `progress` is called with what begins. Raises ConfigError."""
    from mnist_tui.analysis.data_report import Split, report
    from mnist_tui.engine.data.datasets import load

    shown = ""

    def report_reading(done: int, total: int) -> None:
        nonlocal shown
        words = f"Reading the data, {done / max(1, total):.0%}"
        if words != shown:
            shown = words
            progress(words)

    progress("Reading the data")
    data = load(spec, report_reading)
    splits = [Split(digits.images, digits.labels) for digits in (data.training, data.test)]
    return report(splits, data.class_names, data.checksum, data.notes, progress)


def load_images(spec: str) -> "NDArray[np.uint8]":
    """Load the images of a file of data; raises ConfigError."""
    from mnist_tui.engine.data.datasets import load_images

    return load_images(check_data(spec))


def launch(
    config: RunConfig,
    cluster: Cluster | None = None,
    report: Callable[[int, int], None] | None = None,
    entry: "Entry | None" = None,
) -> RunDirectory:
    """Check the device, the data and an own model, and start an engine, as process 0 of a cluster if there is one.

    `report` receives the bytes, files or images that are read, and all of them; by default a terminal shows both.
    `entry` is the queue's entry that the run is started for.

    Raises:
        ConfigError: The device, the data or the model cannot be used.
        RunError: The engine cannot be started. The run directory is removed again.
    """
    from mnist_tui.control.client import start
    from mnist_tui.control.model_check import check_model
    from mnist_tui.control.on_end import check_command
    from mnist_tui.control.warm import spare
    from mnist_tui.engine.data.datasets import verify
    from mnist_tui.engine.models.presets import PRESETS
    from mnist_tui.metrics import lowest_loss

    check_command(config.on_end)
    settled = settle(config, cluster.world_size if cluster is not None else 1)
    spare.prepare(settled)
    with reading(config.data) as bar:
        facts = verify(config.data, report or bar)
    source = check_model(config, facts) if config.model else None
    if source is None:  # the loss of an own model is its own
        Target.parse(config.until, lowest_loss(PRESETS[config.preset].label_smoothing, facts.classes))
    reviews = label_reviews(facts.checksum) if config.labels == "reviewed" else None
    return start(settled, cluster, source, reviews, entry)


def settle(config: RunConfig, processes: int = 1) -> RunConfig:
    """Return the settings with what the device decides; raises ConfigError for what this machine cannot do."""
    from mnist_tui.engine.backends.planning import plan_before_import
    from mnist_tui.engine.models.presets import PRESETS

    on_gpu = plan_before_import(config).on_gpu
    return PRESETS[config.preset].recipe.settled(config, on_gpu=on_gpu, processes=processes)


def prepare(config: RunConfig) -> None:
    """Let the warm engine prepare a run, if it can be."""
    from mnist_tui.control.warm import spare

    with contextlib.suppress(ConfigError):  # said once the user starts the run
        spare.prepare(settle(config))


def label_reviews(checksum: str) -> bytes:
    """Return the reviews of training labels of a data set, as they are kept with a run; ConfigError without any."""
    from mnist_tui.inspection.review_store import encoded, reviews_of

    found = [review for review in reviews_of(checksum) if review.digit[0] == "train"]
    if not found:
        raise ConfigError(
            "labels 'reviewed' needs label reviews, and these data have none: review them on the labels screen of a"
            " run, or leave --labels out"
        )
    return encoded(found)


def watch(run: RunDirectory, plain: bool, since: float = 0.0) -> int:
    """Follow a run on the screen or in plain lines, and return the exit status.

    `since` is when the run was resumed, in seconds since the epoch; an earlier end does not count.
    """
    if plain:
        from mnist_tui.cli.plain import follow

        return follow(run, since=since, notification=notification() if sys.stdout.isatty() else None)
    return show_screen(run)


def show_screen(run: RunDirectory | None) -> int:
    """Run the ui on the home screen or on a run, and return the exit status."""
    check_terminal()
    home()  # a folder that cannot be named is reported before the screen opens
    app = make_app(run)
    try:
        app.run()
    except OSError:  # a terminal that has just gone can make drawing fail
        if not app.ended_by:
            raise
    return app.ended_by or app.return_code or 0


def make_app(run: RunDirectory | None) -> "MnistTuiApp":
    """Return the ui, connected to the engine's registries."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read when Textual is imported; saves bytes on a slow link
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # for Textual, an empty one counts
    from mnist_tui.control.warm import spare
    from mnist_tui.ui.app import MnistTuiApp
    from mnist_tui.ui.terminal.colours import colour_depth, tmux_features

    def start(config: RunConfig) -> RunDirectory:
        return launch(config, report=app.show_reading)

    depth = colour_depth(os.environ, tmux_features(os.environ))
    app = MnistTuiApp(
        catalogue(), start, run, depth=depth, look_at_data=look_at_data, keep_warm=spare.keep, prepare=prepare
    )
    app.notification = notification()
    app.sample_machine = machine_sampler()
    return app


def machine_sampler() -> "Callable[[], MachineLoad]":
    """Return the function that samples the load of this machine, in any thread."""
    gpus: GpuReader | None = None

    def sample() -> "MachineLoad":
        nonlocal gpus
        import shutil

        import psutil

        from mnist_tui.engine.hardware.detection import usable_cores
        from mnist_tui.engine.hardware.sampler import GpuReader
        from mnist_tui.ui.home.machine_panel import MachineLoad

        gpus = gpus or GpuReader()
        memory, folder = psutil.virtual_memory(), home()
        disk = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists()))
        return MachineLoad(
            cpu=psutil.cpu_percent(CPU_SECONDS),  # since an earlier call only in the same thread
            cores=usable_cores(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_free=disk.free,
            disk_total=disk.total,
            gpus=gpus.read(),
            gpu_note=gpus.note,
        )

    return sample


def notification() -> Callable[[str], str]:
    """Return the function that turns a sentence into what the terminal needs to draw attention to it.

    Raises:
        ConfigError: The user's preferences cannot be used.
    """
    from mnist_tui.preferences import read_preferences
    from mnist_tui.ui.terminal.colours import ask_tmux
    from mnist_tui.ui.terminal.notification import notification, sign_of

    wanted, in_tmux = read_preferences().notify, bool(os.environ.get("TMUX"))
    asked = ask_tmux(os.environ, "#{client_termname}") if wanted == "auto" else ""
    return partial(notification, sign=sign_of(wanted, os.environ, asked), in_tmux=in_tmux)


def check_terminal() -> None:
    """Raise UsageError if this terminal cannot show the screen."""
    from mnist_tui.cli.terminal import unsupported_reason

    reason = unsupported_reason(
        os.environ, stdin=sys.stdin.isatty(), stdout=sys.stdout.isatty(), stderr=sys.stderr.isatty()
    )
    if reason:
        raise UsageError(reason)
