"""Widgets on their own, at widths that leave little room."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_tui.events import (
    AlertKind,
    AlertRaised,
    EndReason,
    Phase,
    PhaseChanged,
    ResumeReason,
    RunEnded,
    RunResumed,
    SettingChanged,
)
from mnist_tui.metrics import METRICS
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.run.alert_banner import AlertBanner, banner, dismissible
from mnist_tui.ui.run.header import RunHeader
from mnist_tui.ui.training.confusions_line import MISSING, PENDING, ConfusionsLine
from mnist_tui.ui.training.events_panel import EventsPanel
from mnist_tui.ui.training.progress_panel import ProgressPanel, result_text
from tests.kit import samples
from tests.kit.samples import CREATED
from tests.ui.program import lines, settled
from tests.ui.stage import Stage, history, view

SUBJECT = "fast · mnist 55,000 + 5,000 · adamw 0.01 · batch 64 · seed 7"


def ended(made: History, accuracy: float | None = 0.9929) -> History:
    made.apply(
        RunEnded(time=CREATED + 200, reason=EndReason.COMPLETED, best_epoch=2, test_accuracy=accuracy, seconds=200)
    )
    return made


@pytest.mark.parametrize("width", [20, 40, 80, 120])
async def test_the_header_drops_whole_parts_that_do_not_fit(width: int) -> None:
    header = RunHeader()
    app = Stage(header)
    async with app.run_test(size=(width, 3)) as pilot:
        header.update_view(view(history(100)), SUBJECT)
        await settled(pilot)
        line = lines(app)[0]
        assert len(line) == width
        assert not re.search(r"[\d.,]…", line)
        if width >= 80:
            assert "calm-otter  fast · mnist" in line
            assert re.search(r"▶ training  \d\d:\d\d left", line)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (Status.FINISHED, "✔ finished"),
        (Status.STOPPED, "■ stopped"),
        (Status.CRASHED, "✖ crashed"),
        (Status.FAILED, "✖ failed"),
    ],
)
async def test_the_header_of_a_run_that_is_over(status: Status, shown: str) -> None:
    header = RunHeader()
    app = Stage(header)
    async with app.run_test(size=(100, 3)) as pilot:
        header.update_view(view(history(100), status), SUBJECT)
        await settled(pilot)
        assert shown in lines(app)[0]
        assert "left" not in lines(app)[0]


@pytest.mark.parametrize("width", [30, 50, 60, 80, 200])
async def test_the_progress_panel_cuts_no_number(width: int) -> None:
    made = history(700, 1)
    panel = ProgressPanel()
    app = Stage(panel)
    async with app.run_test(size=(width, 6)) as pilot:
        panel.show(view(made))
        await settled(pilot)
        shown = "\n".join(lines(app))
        assert not re.search(r"[\d.,%]…", shown)
        assert "epoch 2 of 3" in shown
        assert " 27%" in shown
        if width >= 60:
            assert "step 700 of 1,650 · 1,000 images/s" in shown
            assert "best validation accuracy 91.00 %, epoch 1" in shown
        if width >= 80:
            assert re.search(r"\d\d:\d\d left", shown)


def test_the_result_is_the_best_that_is_known() -> None:
    assert result_text(view(history(10)))[1] == "quiet"
    assert "validation accuracy 92.00 %, epoch 2" in result_text(view(history(1100, 2)))[0]
    text, colour = result_text(view(ended(history(1650, 3)), Status.FINISHED))
    assert all(part in text for part in ("test accuracy 99.29 %", "10,000", "epoch 2", "03:20"))
    assert colour == "success"
    untested = result_text(view(ended(history(1650, 3), None), Status.STOPPED))
    assert "validation accuracy 93.00 %, epoch 3" in untested[0]
    assert result_text(view(history(10), Status.CRASHED))[1] == "error"


@pytest.mark.parametrize("key", METRICS)
@pytest.mark.parametrize("size", [(10, 4), (14, 6), (40, 12), (70, 20)])
async def test_a_plot_of_every_metric_fits_its_frame(key: str, size: tuple[int, int]) -> None:
    plot = PlotPanel(METRICS[key])
    app = Stage(plot)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert {len(line) for line in lines(app)} == {size[0]}
        plot.show(history(700, 1), CREATED)
        await settled(pilot)
        shown = lines(app)
        assert {len(line) for line in shown} == {size[0]}
        if size[0] >= 40:
            assert METRICS[key].label in shown[0]
            assert "steps" in shown[-1]
        if size[0] == 70 and METRICS[key].is_validated:
            assert "━ train" in shown[0]
            assert "● val" in shown[0]
            assert "★ best epoch 1" in shown[0]


async def test_a_plot_of_a_loss_that_is_not_finite() -> None:
    made = history()
    made.apply_all(samples.step_ended(step, loss=None) for step in range(1, 50))
    plot = PlotPanel(METRICS["loss"])
    app = Stage(plot)
    async with app.run_test(size=(60, 15)) as pilot:
        plot.show(made, CREATED)
        await settled(pilot)
        assert "━ train NaN" in lines(app)[0]


async def test_the_newest_events_are_on_top() -> None:
    panel = EventsPanel()
    app = Stage(panel)
    async with app.run_test(size=(60, 5)) as pilot:
        panel.show(history(0, 3))
        await settled(pilot)
        shown = [line.strip("│ ") for line in lines(app)[1:-1]]
        assert re.match("22:16:19  epoch 3: .*93.00 %", shown[0])
        assert "epoch 2: " in shown[1]


async def test_the_worst_confusions_that_fit_are_shown() -> None:
    panel = ConfusionsLine()
    app = Stage(panel)
    async with app.run_test(size=(60, 5)) as pilot:
        panel.show(history(10), Status.CRASHED)
        await settled(pilot)
        assert MISSING in "\n".join(lines(app))
        panel.show(history(10), Status.TRAINING)
        await settled(pilot)
        assert PENDING in "\n".join(lines(app))
        panel.show(history(550, 1), Status.TRAINING)
        await settled(pilot)
        assert "epoch 1 (validation)" in lines(app)[0]
        assert "1→0 ×130   0→1 ×20" in lines(app)[1]
        assert "150 of 5,000" in lines(app)[2]


def test_the_golden_screens_are_those_of_the_tests() -> None:
    names = {path.stem.rpartition("-")[0] for path in (Path(__file__).parent / "golden").glob("*.txt")}
    expected = {"finished", "confusion", "digits", "digit", "help", "home", "training", "leave", "start-up"}
    expected |= {"paused", "learning-rate", "early-stopping", "roll-back", "kill", "steering-help", "diverged"}
    expected |= {"compared", "travelled", "filtered", "lists", "explained", "neighbours"}
    expected |= {"curves", "one-plot", "labels", "calibration"}
    expected |= {"compare", "overlaid"}
    assert names == expected


def alerted(made: History, text: str = "the loss jumped", kind: AlertKind = AlertKind.SPIKE) -> History:
    made.apply(AlertRaised(time=CREATED + 90, kind=kind, text=text, step=90, epoch=1))
    return made


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
        told = " ".join(shown[0].split()[1:-2] + shown[1].split())
        assert told == sentence or (told.endswith("…") and sentence.startswith(told[:-1]))
        assert shown[2].strip() == ""
        panel.show(view(history(100)), set())
        await settled(pilot)
        assert lines(app)[0].strip() == ""


def test_what_cannot_be_saved_goes_before_an_alert_and_a_decision_before_all() -> None:
    made = alerted(history(100))
    assert banner(view(made), set()) == ("the loss jumped", False, "Esc hide")
    troubled = replace(view(made), trouble="not saved: checkpoint")
    assert banner(troubled, set()) == ("not saved: checkpoint", True, "Esc hide")
    assert banner(troubled, {"not saved: checkpoint"})[0] == "the loss jumped"
    made.apply(
        AlertRaised(time=CREATED + 95, kind=AlertKind.NOT_FINITE, text="NaN", step=95, epoch=1, awaits_decision=True)
    )
    made.apply(PhaseChanged(time=CREATED + 95, phase=Phase.PAUSED))
    assert banner(replace(view(made), trouble="not saved"), set()) == ("NaN", True, "b decide")
    assert dismissible(view(made), set()) == ""


def test_the_same_alert_again_is_another_one() -> None:
    made = alerted(history(100))
    put_away = {dismissible(view(made), set())}
    assert banner(view(made), put_away)[0] == ""
    made.apply(AlertRaised(time=CREATED + 99, kind=AlertKind.SPIKE, text="the loss jumped", step=99, epoch=1))
    assert banner(view(made), put_away)[0] == "the loss jumped"


@pytest.mark.parametrize(
    ("phase", "status", "words"),
    [
        (Phase.PAUSED, Status.PAUSED, "‖ paused 00:12"),
        (Phase.IMPORTING, Status.TRAINING, "◌ importing Keras  00:12"),
        (Phase.IMPORTING, Status.STARTING, "◌ importing Keras  00:12"),
        (Phase.VALIDATING, Status.TRAINING, "▶ validating"),
    ],
)
async def test_the_header_says_what_goes_on(phase: Phase, status: Status, words: str) -> None:
    made = history(100)
    made.apply(PhaseChanged(time=CREATED + 88, phase=phase))
    header = RunHeader()
    app = Stage(header)
    async with app.run_test(size=(100, 3)) as pilot:
        header.update_view(view(made, status), SUBJECT)
        await settled(pilot)
        assert words in lines(app)[0]
        assert "not saved" not in lines(app)[0]
        header.update_view(replace(view(made, status), trouble="not saved: checkpoint"), SUBJECT)
        await settled(pilot)
        assert words in lines(app)[0]
        assert "⚠ not saved" in lines(app)[0]


async def test_the_text_of_an_event_is_sanitized() -> None:
    made = alerted(history(100), "clear\x1b[2J\x07 [b]it[/b]")
    panel = EventsPanel()
    app = Stage(panel)
    async with app.run_test(size=(70, 5)) as pilot:
        panel.show(made)
        await settled(pilot)
        assert "clear?[2J? [b]it[/b]" in lines(app)[1]


async def test_events_are_marked_on_the_axis() -> None:
    made = history(100)
    made.apply(SettingChanged(time=CREATED, setting="learning_rate", value="0.1", by="ada", step=50))
    made.apply(SettingChanged(time=CREATED, setting="pause", value="after this batch", by="ada", step=50))
    made.apply(SettingChanged(time=CREATED, setting="pause", value="after this batch", by="ada", step=80))
    alerted(made)
    plot = PlotPanel(METRICS["loss"])
    app = Stage(plot)
    async with app.run_test(size=(70, 12)) as pilot:
        plot.show(made, CREATED)
        await settled(pilot)
        axis = next(line for line in lines(app) if "└" in line)
        assert [character for character in axis if character in "▾‖!↻"] == ["▾", "‖", "!"]
        made.apply(RunResumed(time=CREATED + 99, reason=ResumeReason.ROLLED_BACK, step=60, epoch=0, by="ada"))
        plot.show(made, CREATED + 99)
        await settled(pilot)
        axis = next(line for line in lines(app) if "└" in line)
        assert [character for character in axis if character in "▾‖!↻"] == ["▾", "↻"]
