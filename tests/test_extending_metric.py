"""A metric that is added in one place is recorded by the engine and shown everywhere."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_tui.cli import listing
from mnist_tui.cli.plain import PlainReporter
from mnist_tui.config import RunConfig
from mnist_tui.events import EpochEnded, StepEnded
from mnist_tui.metrics import METRICS, Metric, ValidationContext
from mnist_tui.runs.directory import RunDirectory, create_run
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.summary import summarize
from mnist_tui.ui.compare.columns import cursor_columns
from mnist_tui.ui.compare.compared_runs import ComparedRuns
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.view import PlotView
from tests.kit.recording import Clock
from tests.ui.program import program, text, wait_until

ROOT = Path(__file__).parent.parent
ENGINE = """
import sys
from mnist_tui.engine.__main__ import main
from tests.test_extending_metric import add_metrics
add_metrics()
main(sys.argv[1:])
"""


def top_2(validation: ValidationContext) -> float:
    """Return the share of images whose label is among the two most probable classes."""
    best = validation.probabilities.argsort(axis=1)[:, -2:]
    return float((best == validation.labels[:, None]).any(axis=1).mean())


def keras_top_2() -> object:
    import keras

    return keras.metrics.TopKCategoricalAccuracy(2, name="top_2")


TOP_2 = Metric(
    "top_2",
    "Top-2 accuracy",
    "%",
    higher_is_better=True,
    scale=100,
    digits=2,
    bounds=(0, 100),
    from_step="top_2",
    from_validation=top_2,
    keras_metric=keras_top_2,
)
CONFIDENCE = Metric("confidence", "Confidence", from_validation=lambda seen: seen.probabilities.max(axis=1).mean())


def add_metrics() -> None:
    METRICS.update(top_2=TOP_2, confidence=CONFIDENCE)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of two epochs of two steps, trained by a real engine."""
    monkeypatch.setitem(METRICS, "top_2", TOP_2)
    monkeypatch.setitem(METRICS, "confidence", CONFIDENCE)
    config = RunConfig(
        preset="mlp", epochs=2, batch_size=64, learning_rate=0.01, optimizer="adam", seed=0, data="mnist", limit=140
    )
    run = create_run(config)
    engine = [sys.executable, "-c", ENGINE, str(run.path)]
    done = subprocess.run(engine, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return run


async def test_a_metric_is_added_in_one_place(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    events = LogFollower(run.events_path).read()
    steps = [event for event in events if isinstance(event, StepEnded)]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert all(0 <= (step.metrics["top_2"] or -1) <= 1 for step in steps)
    assert len(steps) == 4
    for epoch in epochs:
        assert 0 < (epoch.train["top_2"] or 0) <= 1
        assert (epoch.validation["top_2"] or 0) >= epoch.validation_accuracy
        assert 0.1 <= (epoch.validation["confidence"] or 0) <= 1

    history, last = History(run.record()), epochs[-1]
    history.apply_all(events)
    assert history.steps.column("top_2").tolist() == [step.metrics["top_2"] for step in steps]
    assert history.validation("top_2")[1].tolist() == [epoch.validation["top_2"] for epoch in epochs]
    assert history.curve(TOP_2).values.shape == (4,)
    assert history.curve(CONFIDENCE).values.shape == (0,)

    for metric in (TOP_2, CONFIDENCE):
        assert history.is_recorded(metric)
        await check_training_screen(run, history, metric)
        check_plain_lines(run, metric, last)
        check_show(run, metric, history, capsys)
        check_compare(run, metric, history)


async def check_training_screen(run: RunDirectory, history: History, metric: Metric) -> None:
    app = program(run, Clock(history.last_time or 0.0))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: bool(app.screen.query(PlotBoard)), "the training screen")
        board = app.screen.query_one(PlotBoard)
        await wait_until(pilot, lambda: metric in board.recorded, "the metric among the plots")
        board.set_view(replace(board.view, maximised=metric.key))
        value = metric.format(history.epochs[-1].validation[metric.key])
        await wait_until(pilot, lambda: f"● val {value}" in text(app), "its legend")
        assert metric.label in text(app)


def check_plain_lines(run: RunDirectory, metric: Metric, last: EpochEnded) -> None:
    out = io.StringIO()
    reporter = PlainReporter(run, out, rewrite=False)
    for event in LogFollower(run.events_path).read():
        reporter.apply(event)
    assert f"{metric.label.lower()} {metric.format(last.validation[metric.key])}" in out.getvalue()


def check_show(run: RunDirectory, metric: Metric, history: History, capsys: pytest.CaptureFixture[str]) -> None:
    best = history.best_epoch
    assert best is not None
    summary = summarize(run)
    assert listing.run_document(summary)["validation"][metric.key] == best.validation[metric.key]
    capsys.readouterr()
    listing.print_run(summary)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{metric.label.lower()} {metric.format(best.validation[metric.key])}" in shown


def check_compare(run: RunDirectory, metric: Metric, history: History) -> None:
    compared = ComparedRuns([run])
    compared.load()
    view = PlotView(cursor=history.last_step, validation_only=True)
    (column,) = cursor_columns(compared, compared.reference, view, [metric])
    assert column.heading[1] == f"{metric.label} val"
    assert column.cells[0].text == metric.format(history.epochs[-1].validation[metric.key])
