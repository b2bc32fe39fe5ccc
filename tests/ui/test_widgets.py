"""Widgets on their own, at widths that leave little room."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_tui.events import AlertKind, AlertRaised, Phase, ResumeReason
from mnist_tui.metrics import METRICS
from mnist_tui.runs.history import History
from mnist_tui.runs.liveness import Endpoint, LiveEngine, clock
from mnist_tui.runs.status import Status
from mnist_tui.ui.digits.probability_curves import ProbabilityCurves, ProbabilityHistory
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.run.alert_banner import AlertBanner, banner, dismissible
from mnist_tui.ui.run.header import RunHeader
from mnist_tui.ui.session import RunView
from mnist_tui.ui.training.confusions_line import MISSING, PENDING, ConfusionsLine
from mnist_tui.ui.training.events_panel import EventsPanel
from mnist_tui.ui.training.progress_panel import ProgressPanel, result_text
from tests.kit import samples
from tests.kit.samples import CREATED
from tests.ui.program import lines, settled
from tests.ui.stage import Stage, drawn, history, view

SUBJECT = "fast · mnist 55,000 + 5,000 · adamw 0.01 · batch 64 · seed 7"
CUT_NUMBER = re.compile(r"[\d.,%]…")


def ended(run: History, accuracy: float | None = 0.9929) -> History:
    run.apply(samples.run_ended(time=CREATED + 200, best_epoch=2, test_accuracy=accuracy, seconds=200))
    return run


def alerted(run: History, text: str = "the loss jumped", time: float = 90) -> History:
    run.apply(AlertRaised(time=CREATED + time, kind=AlertKind.SPIKE, text=text, step=90, epoch=1))
    return run


async def header_line(run: RunView, width: int = 100) -> str:
    header = RunHeader()
    return (await drawn(header, (width, 3), lambda: header.update_view(run, SUBJECT)))[0]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
async def test_the_header_drops_whole_parts_that_do_not_fit(width: int) -> None:
    line = await header_line(view(history(100)), width)
    assert len(line) == width
    assert not CUT_NUMBER.search(line)
    if width >= 80:
        assert "calm-otter  fast · mnist" in line
        assert re.search(r"▶ training  \d\d:\d\d left", line)


@pytest.mark.parametrize(
    ("phase", "status", "shown"),
    [
        (Phase.TRAINING, Status.FINISHED, "✔ finished"),
        (Phase.TRAINING, Status.STOPPED, "■ stopped"),
        (Phase.TRAINING, Status.CRASHED, "✖ crashed"),
        (Phase.TRAINING, Status.FAILED, "✖ failed"),
        (Phase.PAUSED, Status.PAUSED, "‖ paused 00:12"),
        (Phase.IMPORTING, Status.TRAINING, "◌ importing Keras  00:12"),
        (Phase.IMPORTING, Status.STARTING, "◌ importing Keras  00:12"),
        (Phase.VALIDATING, Status.TRAINING, "▶ validating"),
    ],
)
async def test_the_header_has_the_status_and_warns_of_unsaved_files(phase: Phase, status: Status, shown: str) -> None:
    run = history(100)
    run.apply(samples.phase_changed(phase, 88))
    for save_error in ("", "not saved: checkpoint"):
        line = await header_line(replace(view(run, status), save_error=save_error))
        assert shown in line
        assert ("left" in line) is (phase == Phase.VALIDATING)
        assert ("⚠ not saved" in line) is bool(save_error)


async def test_the_header_names_another_machine_and_since_when_it_is_silent() -> None:
    engine = LiveEngine(Endpoint(7, None, "node7", "another boot"), CREATED)
    line = await header_line(replace(view(history(100), Status.UNRESPONSIVE), engine=engine))
    assert f"✖ not responding since {clock(CREATED)} on node7" in line
    line = await header_line(replace(view(history(100)), engine=replace(engine, silent_since=None)))
    assert re.search(r"▶ training  \d\d:\d\d left on node7", line)


@pytest.mark.parametrize("width", [30, 50, 60, 80, 200])
async def test_the_progress_panel_cuts_no_number(width: int) -> None:
    panel = ProgressPanel()
    shown = "\n".join(await drawn(panel, (width, 6), lambda: panel.show(view(history(700, 1)))))
    assert not CUT_NUMBER.search(shown)
    assert "epoch 2 of 3" in shown
    assert " 27%" in shown
    if width >= 60:
        assert "step 700 of 1,650 · 1,000 images/s" in shown
        assert "best validation accuracy 91.00 %, epoch 1" in shown
    if width >= 80:
        assert re.search(r"\d\d:\d\d left", shown)


@pytest.mark.parametrize(
    ("run", "parts", "colour"),
    [
        (view(history(10)), [], "quiet"),
        (view(history(1100, 2)), ["validation accuracy 92.00 %, epoch 2"], ""),
        (view(ended(history(1650, 3)), Status.FINISHED), ["99.29 %", "10,000", "epoch 2", "03:20"], "success"),
        (view(ended(history(1650, 3), None), Status.STOPPED), ["validation accuracy 93.00 %, epoch 3"], ""),
        (view(history(10), Status.CRASHED), ["engine.log"], "error"),
    ],
)
def test_the_result_is_the_best_that_is_known(run: RunView, parts: list[str], colour: str) -> None:
    text, shown_colour = result_text(run)
    assert [part for part in parts if part not in text] == []
    assert shown_colour == colour


@pytest.mark.parametrize("key", METRICS)
@pytest.mark.parametrize("size", [(10, 4), (14, 6), (40, 12), (70, 20)])
async def test_a_plot_of_every_metric_fits_its_frame(key: str, size: tuple[int, int]) -> None:
    metric = METRICS[key]
    plot = PlotPanel(metric)
    shown = await drawn(plot, size, lambda: plot.show(history(700, 1), CREATED))
    assert {len(line) for line in shown} == {size[0]}
    if size[0] >= 40:
        assert metric.label in shown[0]
        assert "steps" in shown[-1]
    if size[0] == 70 and metric.is_validated:
        assert all(entry in shown[0] for entry in ("━ train", "● val", "★ best epoch 1"))


async def test_a_plot_of_a_loss_that_is_not_finite() -> None:
    run = history()
    run.apply_all(samples.step_ended(step, loss=None) for step in range(1, 50))
    plot = PlotPanel(METRICS["loss"])
    assert "━ train NaN" in (await drawn(plot, (60, 15), lambda: plot.show(run, CREATED)))[0]


@pytest.mark.parametrize(("key", "is_named"), [("loss", True), ("accuracy", False)])
async def test_label_smoothing_is_named_where_the_loss_is(key: str, is_named: bool) -> None:
    run, plot = history(100), PlotPanel(METRICS[key])
    run.apply(samples.run_started(label_smoothing=0.1))
    frame = (await drawn(plot, (60, 12), lambda: plot.show(run, CREATED)))[-1]
    assert ("label smoothing 0.1: 0.50 at best" in frame) is is_named


@pytest.mark.parametrize("epochs", [(1,), (7,), (1, 2)])
async def test_curves_over_epochs_have_ticks_at_epochs_only(epochs: tuple[int, ...]) -> None:
    curves = ProbabilityCurves()
    over = ProbabilityHistory(epochs, ((0.3, 0.7),) * len(epochs), 0, 1, ("a", "b"))
    shown = await drawn(curves, (60, 12), lambda: curves.show(over))
    labels = next(shown[row + 1] for row, line in enumerate(shown) if "└" in line)
    assert tuple(map(int, labels.split())) == epochs


async def test_events_are_marked_on_the_axis() -> None:
    run = history(100)
    run.apply(samples.setting_changed("learning_rate", "0.1", step=50))
    run.apply(samples.setting_changed("pause", "after this batch", step=50))
    run.apply(samples.setting_changed("pause", "after this batch", step=80))
    alerted(run)
    for markers in (["▾", "‖", "!"], ["▾", "↻"]):
        plot = PlotPanel(METRICS["loss"])
        shown = await drawn(plot, (70, 12), lambda plot=plot: plot.show(run, CREATED))  # type: ignore[misc]
        axis = next(line for line in shown if "└" in line)
        assert [character for character in axis if character in "▾‖!↻"] == markers
        run.apply(samples.run_resumed(60, time=CREATED + 99, reason=ResumeReason.ROLLED_BACK, epoch=0, by="ada"))


async def test_the_newest_events_are_on_top() -> None:
    panel = EventsPanel()
    shown = await drawn(panel, (60, 5), lambda: panel.show(history(0, 3)))
    assert re.match("│ 22:16:19  epoch 3: .*93.00 %", shown[1])
    assert "epoch 2: " in shown[2]


async def test_the_text_of_an_event_is_sanitized() -> None:
    panel = EventsPanel()
    shown = await drawn(panel, (70, 5), lambda: panel.show(alerted(history(100), "clear\x1b[2J\x07 [b]it[/b]")))
    assert "clear?[2J? [b]it[/b]" in shown[1]


async def test_the_worst_confusions_that_fit_are_shown() -> None:
    panel = ConfusionsLine()
    app = Stage(panel)
    async with app.run_test(size=(60, 5)) as pilot:
        for status, text in ((Status.CRASHED, MISSING), (Status.TRAINING, PENDING)):
            panel.show(history(10), status)
            await settled(pilot)
            assert text in "\n".join(lines(app))
        panel.show(history(550, 1), Status.TRAINING)
        await settled(pilot)
        title, pairs, total, *_ = lines(app)
        assert "epoch 1 (validation)" in title
        assert "1→0 ×130   0→1 ×20" in pairs
        assert "150 of 5,000" in total


@pytest.mark.parametrize("width", [30, 80, 120])
@pytest.mark.parametrize("words", [3, 12, 60])
async def test_an_alert_takes_the_lines_it_needs_and_two_at_most(width: int, words: int) -> None:
    sentence = " ".join(["spike"] * words)
    panel = AlertBanner()
    app = Stage(panel)
    async with app.run_test(size=(width, 6)) as pilot:
        assert panel.size.height == 0
        panel.show(view(alerted(history(100), sentence)), set())
        await settled(pilot)
        shown = lines(app)
        assert shown[0].startswith(" ⚠  spike")
        assert shown[0].endswith("  Esc hide ")
        assert {len(line) for line in shown} == {width}
        text = " ".join(shown[0].split()[1:-2] + shown[1].split())
        assert text == sentence or (text.endswith("…") and sentence.startswith(text[:-1]))
        assert shown[2].strip() == ""
        panel.show(view(history(100)), set())
        await settled(pilot)
        assert lines(app)[0].strip() == ""


def test_the_banner_shows_decisions_before_unsaved_files_before_alerts() -> None:
    run = alerted(history(100))
    assert banner(view(run), set()) == ("the loss jumped", False, "Esc hide")
    unsaved = replace(view(run), save_error="not saved: checkpoint")
    assert banner(unsaved, set()) == ("not saved: checkpoint", True, "Esc hide")
    assert banner(unsaved, {"not saved: checkpoint"})[0] == "the loss jumped"
    run.apply(
        AlertRaised(time=CREATED + 95, kind=AlertKind.NOT_FINITE, text="NaN", step=95, epoch=1, awaits_decision=True)
    )
    run.apply(samples.phase_changed(Phase.PAUSED, 95))
    assert banner(replace(view(run), save_error="not saved"), set()) == ("NaN", True, "b decide")
    assert dismissible(view(run), set()) == ""


def test_a_repeated_alert_is_shown_again() -> None:
    run = alerted(history(100))
    dismissed = {dismissible(view(run), set())}
    assert banner(view(run), dismissed)[0] == ""
    assert banner(view(alerted(run, time=99)), dismissed)[0] == "the loss jumped"


def test_golden_screens_are_few_and_the_main_screens_have_three_sizes() -> None:
    names = {path.stem for path in (Path(__file__).parent / "golden").glob("*.txt")}
    main = ("home", "training", "confusion", "digits", "digit", "labels", "calibration", "compare")
    assert {f"{name}-{size}" for name in main for size in ("80x24", "120x40", "200x60")} <= names
    assert len(names) <= 45
