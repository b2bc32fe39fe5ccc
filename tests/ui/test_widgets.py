"""Widgets on their own: what they make of a moment of a run, at widths that leave little room."""

import re
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from mnist_tui.events import EndReason, Hardware, HardwareSampled, Layer, Phase, PhaseChanged, RunEnded
from mnist_tui.metrics import METRICS_BY_KEY
from mnist_tui.runs.history import History
from mnist_tui.runs.progress import progress
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.theme import DARK
from mnist_tui.ui.widgets.confusions_line import ConfusionsLine
from mnist_tui.ui.widgets.events_panel import EventsPanel
from mnist_tui.ui.widgets.model_panel import WHY_BESIDE, heading, layer_row
from mnist_tui.ui.widgets.plot_panel import PlotPanel
from mnist_tui.ui.widgets.progress_panel import ProgressPanel, machine, outcome
from mnist_tui.ui.widgets.run_header import RunHeader
from tests import samples
from tests.samples import CREATED
from tests.ui.program import lines, settled

SUBJECT = "fast · mnist 55,000 + 5,000 · adamw 0.01 · batch 64 · seed 7"


class Stage(App[int]):
    """One widget, as wide as the terminal."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


def history(steps: int = 0, epochs: int = 0) -> History:
    """A run of three epochs of 550 steps, so far."""
    made = History(samples.record())
    made.apply(PhaseChanged(time=CREATED, phase=Phase.TRAINING))
    made.apply(samples.run_started())
    made.apply_all(samples.step_ended(step) for step in range(1, steps + 1))
    made.apply_all(samples.epoch_ended(epoch, validation_accuracy=0.9 + epoch / 100) for epoch in range(1, epochs + 1))
    return made


def view(made: History, status: Status = Status.TRAINING, seconds: float = 100) -> RunView:
    """The run `seconds` after it was created."""
    now = CREATED + seconds
    return RunView(made, progress(made, now), status, now, made.revision, 0)


def ended(made: History, accuracy: float | None = 0.9929) -> History:
    made.apply(
        RunEnded(time=CREATED + 200, reason=EndReason.COMPLETED, best_epoch=2, test_accuracy=accuracy, seconds=200)
    )
    return made


@pytest.mark.parametrize("width", [20, 40, 80, 120])
async def test_the_header_drops_whole_facts_where_there_is_no_room(width: int) -> None:
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
    ("status", "words"),
    [
        (Status.FINISHED, "✔ finished"),
        (Status.STOPPED, "■ stopped"),
        (Status.CRASHED, "✖ crashed"),
        (Status.FAILED, "✖ failed"),
    ],
)
async def test_the_header_of_a_run_that_is_over_says_how(status: Status, words: str) -> None:
    header = RunHeader()
    app = Stage(header)
    async with app.run_test(size=(100, 3)) as pilot:
        header.update_view(view(history(100), status), SUBJECT)
        await settled(pilot)
        assert words in lines(app)[0]
        assert "left" not in lines(app)[0]


@pytest.mark.parametrize("width", [30, 50, 60, 80, 200])
async def test_progress_cuts_no_number_at_any_width(width: int) -> None:
    made = history(700, 1)
    made.apply(
        HardwareSampled(
            time=CREATED + 99, engine_cpu=180, engine_memory=2 << 30, machine_cpu=90, machine_memory=4 << 30
        )
    )
    panel = ProgressPanel()
    app = Stage(panel)
    async with app.run_test(size=(width, 7)) as pilot:
        panel.show(view(made))
        await settled(pilot)
        shown = "\n".join(lines(app))
        assert not re.search(r"[\d.,%]…", shown)
        assert "epoch 2 of 3" in shown
        assert " 27%" in shown
        if width >= 60:
            assert "step 700 of 1,650 · 1,000 images/s" in shown
            assert "2 CPU" not in shown
            assert "best validation accuracy 91.00 %, epoch 1" in shown
        if width >= 80:
            assert "CPU · CPU 90 % · RAM 4.3/9 GB · engine 2.1 GB" in shown
            assert re.search(r"\d\d:\d\d left", shown)


def test_the_outcome_is_the_best_that_is_known() -> None:
    assert outcome(view(history(10))) == ("no epoch validated yet", "quiet")
    assert outcome(view(history(1100, 2)))[0] == "best validation accuracy 92.00 %, epoch 2"
    finished = outcome(view(ended(history(1650, 3)), Status.FINISHED))
    assert finished == ("test accuracy 99.29 % of 10,000 digits (epoch 2) · 03:20", "success")
    untested = outcome(view(ended(history(1650, 3), None), Status.STOPPED))
    assert untested[0] == "best validation accuracy 93.00 %, epoch 3"
    assert outcome(view(history(10), Status.CRASHED))[1] == "error"


def test_a_machine_that_was_not_measured_is_only_named() -> None:
    assert machine(view(history(10))) == "CPU"
    assert machine(view(History(samples.record()))) == ""
    assert samples.run_started().hardware == Hardware("CPU", 2, 8 << 30)


@pytest.mark.parametrize("key", METRICS_BY_KEY)
@pytest.mark.parametrize("size", [(10, 4), (14, 6), (40, 12), (70, 20)])
async def test_a_plot_of_every_metric_fits_its_frame(key: str, size: tuple[int, int]) -> None:
    plot = PlotPanel(METRICS_BY_KEY[key])
    app = Stage(plot)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert {len(line) for line in lines(app)} == {size[0]}
        plot.show(history(700, 1), CREATED)
        await settled(pilot)
        shown = lines(app)
        assert {len(line) for line in shown} == {size[0]}
        if size[0] >= 40:
            assert METRICS_BY_KEY[key].label in shown[0]
            assert "steps" in shown[-1]
        if size[0] == 70 and METRICS_BY_KEY[key].validation_key:
            assert "━ train" in shown[0]
            assert "● val" in shown[0]
            assert "★ best epoch 1" in shown[0]


async def test_a_plot_of_numbers_that_are_none_is_no_crash_and_says_nan() -> None:
    made = history()
    made.apply_all(samples.step_ended(step, loss=None) for step in range(1, 50))
    plot = PlotPanel(METRICS_BY_KEY["loss"])
    app = Stage(plot)
    async with app.run_test(size=(60, 15)) as pilot:
        plot.show(made, CREATED)
        await settled(pilot)
        assert "━ train NaN" in lines(app)[0]


@pytest.mark.parametrize("width", [*range(0, 60, 7), WHY_BESIDE - 1, WHY_BESIDE, 130])
def test_a_layer_is_one_line_under_its_heading(width: int) -> None:
    layer = Layer("conv3", "Conv2D", "3×3", (11, 11, 48), 20_736, 2_509_056)
    row = layer_row(layer, 4_789_152, "fast", width, "blue", "grey50")
    assert row.plain.startswith("Conv2D 3×3            11×11×48   20,736  ████▎     52%")
    assert ("Sees 12×12 pixels" in row.plain) == (width >= WHY_BESIDE)
    assert len(heading(width)) <= max(width, 0)
    if width >= WHY_BESIDE:
        assert len(row.plain) <= width
        assert row.plain.index("Sees") == heading(width).index("why")


def test_a_layer_without_weights_or_cost_has_a_dash_and_no_bar() -> None:
    row = layer_row(Layer("relu1", "ReLU", "", (26, 26, 24), 0, 0), 100, "fast", 60, "blue", "grey50")
    assert row.plain.split() == ["ReLU", "26×26×24", "–"]
    tiny = layer_row(Layer("dense", "Dense", "", (10,), 10, 1), 1_000_000, "fast", 60, "blue", "grey50")
    assert tiny.plain.split()[-1] == "<1%"


async def test_the_newest_events_are_on_top_with_their_local_times() -> None:
    panel = EventsPanel()
    app = Stage(panel)
    async with app.run_test(size=(60, 5)) as pilot:
        panel.show(history(0, 3))
        await settled(pilot)
        shown = [line.strip("│ ") for line in lines(app)[1:-1]]
        assert shown[0].endswith("epoch 3: validation 93.00 %, best so far")
        assert shown[1].endswith("epoch 2: validation 92.00 %, best so far")
        assert shown[0].startswith("22:16:19  ")


async def test_confusions_say_when_they_come_and_then_the_worst_that_fit() -> None:
    panel = ConfusionsLine()
    app = Stage(panel)
    async with app.run_test(size=(60, 5)) as pilot:
        panel.show(history(10))
        await settled(pilot)
        assert "confusions come when the first epoch is validated" in "\n".join(lines(app))
        panel.show(history(550, 1))
        await settled(pilot)
        assert "Worst confusions, epoch 1 (validation)" in lines(app)[0]
        assert "1→0 ×130   0→1 ×20" in lines(app)[1]
        assert "150 wrong of 5,000 validation digits" in lines(app)[2]


def test_the_golden_screens_are_those_of_the_tests() -> None:
    names = {path.stem.rpartition("-")[0] for path in (Path(__file__).parent / "golden").glob("*.txt")}
    expected = {"finished", "confusion", "digits", "digit", "help", "home", "training", "leave", "start-up"}
    assert names == expected
