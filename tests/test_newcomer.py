"""A newcomer's walk: the examples of mnist_tui/README.md work, and its metric appears on the training screen."""

import importlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mnist_tui.engine.service.steering import HANDLERS
from mnist_tui.event_lines import decode, encode
from mnist_tui.events import EpochEnded
from mnist_tui.metrics import METRICS, Metric, ValidationContext, validation_metrics
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.kit.recording import recorded_run
from tests.test_extending_metric import check_plain_lines, check_training_screen

README = Path(__file__).parent.parent / "mnist_tui" / "README.md"
REGISTRIES = {
    "A preset": "mnist_tui.engine.models.presets:PRESETS",
    "A data set": "mnist_tui.engine.data.datasets:DATASETS",
    "A screen": "mnist_tui.ui.screens:SCREENS",
    "A steering command": "mnist_tui.control.commands:STEERING_COMMANDS",
    "A backend": "mnist_tui.engine.backends:BACKENDS",
}
"""Section of the document -> the registry that its example extends."""
MODULES = (
    "mnist_tui.control.commands",
    "mnist_tui.control.protocol",
    "mnist_tui.engine.backends",
    "mnist_tui.engine.data.datasets",
    "mnist_tui.engine.models.presets",
    "mnist_tui.engine.service.steering",
    "mnist_tui.ui.run.screen",
    "mnist_tui.ui.screens",
    "textual.app",
    "textual.widgets",
)
"""Modules whose names the examples use without importing them."""


def example(section: str) -> str:
    """Return the code block of a section."""
    text = README.read_text("utf-8").partition(f"### {section}\n")[2]
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    return code[1]


@pytest.fixture
def metric() -> Iterator[Metric]:
    """The metric that the document's code declares."""
    before = set(METRICS)
    exec(example("A metric"), {})
    (key,) = METRICS.keys() - before
    yield METRICS[key]
    del METRICS[key]


@pytest.mark.parametrize("section", REGISTRIES)
def test_the_example_adds_one_entry(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = REGISTRIES[section].partition(":")
    registry: Collection[object] = getattr(importlib.import_module(module), name)
    copied = type(registry)(registry)  # type: ignore[call-arg]
    monkeypatch.setattr(f"{module}.{name}", copied)
    monkeypatch.setattr("mnist_tui.engine.service.steering.HANDLERS", dict(HANDLERS))
    names: dict[str, object] = {"Any": Any, "Path": Path}
    for each in MODULES:
        names |= vars(importlib.import_module(each))
    exec(example(section), names)
    assert len(copied) == len(registry) + 1


@pytest.fixture
def run(metric: Metric) -> RunDirectory:
    """The recorded run, as an engine with the metric would have recorded it."""
    run = recorded_run()
    assert metric.key in METRICS
    events = [event for line in run.events_path.open("rb") if (event := decode(line)) is not None]
    with run.events_path.open("wb") as log:
        for event in events:
            if isinstance(event, EpochEnded):
                predicted = run.load_arrays(run.predictions_path(event.epoch))
                probabilities = predicted["probabilities"].astype(np.float32)
                context = ValidationContext(predicted["labels"], probabilities, event.validation["loss"] or 0.0)
                event = msgspec.structs.replace(event, validation=validation_metrics(context))
            log.write(encode(event))
    return run


async def test_the_metric_of_the_document_is_on_the_training_screen_and_in_plain_lines(
    run: RunDirectory, metric: Metric
) -> None:
    events = LogFollower(run.events_path).read()
    history = History(run.record())
    history.apply_all(events)
    newest = history.epochs[-1]
    assert newest.validation_accuracy < (newest.validation[metric.key] or 0) <= 1
    await check_training_screen(run, history, metric)
    check_plain_lines(run, metric, newest)
