"""Rolling evaluations on the screens, which follow and name them until the epoch has its own evaluation."""

from pathlib import Path

import pytest

from mnist_tui.analysis.confusion import top_confusions
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.metrics import METRICS
from mnist_tui.render.plot import y_range
from mnist_tui.ui.calibration.screen import CalibrationScreen
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.labels.screen import LabelsScreen
from mnist_tui.ui.plots.data import read_rolling
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.plots.readout import CursorReadout
from mnist_tui.ui.plots.scale import scale_of
from mnist_tui.ui.plots.series import own_series
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.run.epoch_slider import Slide, draw_slide
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.theme import DARK, palette
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording
from tests.kit.samples import CREATED
from tests.ui.host import Host, settled
from tests.ui.stage import drawn, history

COLOURS = palette(DARK.to_color_system().generate() | DARK.variables)
EARLIER, LATER, FIRST, NEWEST = (
    "left_square_bracket",
    "right_square_bracket",
    "left_curly_bracket",
    "right_curly_bracket",
)
FOLLOWING = [ConfusionScreen, DigitsScreen, CalibrationScreen]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """A run in its first epoch, with a rolling evaluation of 100 of 300 images."""
    recording = Recording.begin(tmp_path, planned=2, n=300)
    recording.train(10)
    recording.roll(10, 2, 100)
    return recording


def rolling(step: int) -> EvaluationPoint:
    return EvaluationPoint(step=step)


def text(app: Host) -> str:
    return " ".join(app.text().split())


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (ConfusionScreen, (80, 24)),
        (DigitsScreen, (120, 40)),
        (CalibrationScreen, (200, 60)),
        (TrainingScreen, (80, 24)),
        (TrainingScreen, (120, 40)),
    ],
)
async def test_the_newest_rolling_evaluation_is_shown_and_named_until_the_epoch_is_evaluated(
    recording: Recording, build: type[PredictionScreen], size: tuple[int, int]
) -> None:
    app = Host(recording.run, build)
    async with app.shown(size) as pilot:
        recording.roll(20, 4, 200)
        app.follow()
        await settled(pilot)
        assert app.session.point == rolling(20)
        assert "rolling, 200 of 300 images, steps 4 to 20" in text(app) or ("rolling" in text(app) and size[0] < 100)
        assert {len(line) for line in app.lines()} == {size[0]}
        ended = recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert app.session.point == EvaluationPoint(VALIDATION, ended.epoch)
        assert "rolling, 2" not in text(app)


async def test_the_matrix_follows_without_losing_its_cursor_and_travels_back(recording: Recording) -> None:
    app = Host(recording.run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        await pilot.press("up", "left")
        cursor = matrix.cursor
        event = recording.roll(20, 4, 300)
        app.follow()
        await settled(pilot)
        assert matrix.counts == event.confusion
        assert matrix.cursor == cursor
        await pilot.press(EARLIER)
        await settled(pilot)
        assert sum(map(sum, matrix.counts)) == 100
        recording.roll(30, 6, 300)
        app.follow()
        await settled(pilot)
        assert sum(map(sum, matrix.counts)) == 100, "who travelled is left alone"
        await pilot.press(LATER, LATER)
        assert app.session.follows


async def test_a_change_between_different_numbers_of_images_is_given_in_shares(recording: Recording) -> None:
    recording.end_epoch()
    recording.roll(10, 2, 100)
    app = Host(recording.run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        assert "compared with epoch 1" in text(app)
        assert " %, was " in text(app)


async def test_the_gallery_keeps_filter_and_digit_and_says_the_step_of_each_prediction(recording: Recording) -> None:
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        await pilot.press("slash", "enter", "right", "right")
        await settled(pilot)
        assert gallery.digits is not None
        before = gallery.digits.digit(gallery.cursor)
        assert before.note.startswith("step ")
        assert before.note in text(app)
        recording.roll(30, 20, 300)
        app.follow()
        await settled(pilot)
        now = gallery.digits.digit(gallery.cursor)
        assert now.index == before.index
        assert int(now.note.removeprefix("step ")) >= 20
        assert len(gallery.digits) == 300


async def test_an_opened_image_stays_and_says_where_it_has_no_prediction_yet(recording: Recording) -> None:
    recording.roll(20, 4, 300)
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        assert gallery.digits is not None
        predicted = app.session.inspector.predictions(rolling(10)).indices
        last = next(place for place in range(len(gallery.digits)) if gallery.digits.digit(place).index not in predicted)
        gallery.go_to(last)
        await pilot.press("enter")
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, DigitScreen)
        index = screen.digits.digit(screen.position).index
        recording.roll(30, 25, 100)
        app.follow()
        await settled(pilot)
        assert "no prediction" not in text(app), "who follows sees the last prediction"
        assert "rolling, step" in text(app)
        await pilot.press(EARLIER)
        await pilot.press(EARLIER)
        await settled(pilot)
        assert "it has no prediction of this image" in text(app)
        recording.end_epoch()
        await pilot.press(NEWEST)
        app.follow()
        await settled(pilot)
        assert screen.digits.digit(screen.position).index == index
        assert screen.digits.point == EvaluationPoint(VALIDATION, 1)


async def test_label_issues_stay_with_full_evaluations(recording: Recording) -> None:
    with FakeEngine(recording.run):
        app = Host(recording.run, LabelsScreen)
        async with app.shown((120, 40)) as pilot:
            await settled(pilot)
            assert "when epoch 1 has been validated" in text(app)
            assert "Rolling evaluations do not count" in text(app)
            recording.end_epoch()
            recording.roll(10, 2, 100)
            app.follow()
            await settled(pilot)
            assert app.session.point == rolling(50)
            assert isinstance(app.screen, LabelsScreen)
            assert app.screen.queue is not None
            assert app.screen.queue.point == EvaluationPoint(VALIDATION, 1)
            assert "epoch 1 of 2" in text(app)


async def test_a_chosen_evaluation_that_is_thinned_out_gives_way_to_the_one_before_it(recording: Recording) -> None:
    recording.roll(20, 4, 200)
    recording.roll(30, 6, 300)
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press(EARLIER)
        assert app.session.point == rolling(20)
        recording.run.rolling_path(20).unlink()
        recording.roll(40, 8, 300)
        app.follow()
        await settled(pilot)
        assert app.session.point == rolling(10)
        assert "rolling, 100 of 300 images, steps 2 to 10" in text(app)


@pytest.mark.parametrize("build", FOLLOWING)
async def test_before_the_first_evaluation_the_screen_says_what_fills_it(
    tmp_path: Path, build: type[PredictionScreen]
) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    with FakeEngine(recording.run):
        app = Host(recording.run, build)
        async with app.shown((80, 24)) as pilot:
            await settled(pilot)
            assert "with the first rolling evaluation" in text(app)
            assert "when epoch 1 has been validated" in text(app)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(("epochs", "each"), [(0, 5), (1, 200), (3, 4), (12, 8), (60, 3), (500, 2)])
def test_the_slider_keeps_its_width_and_shows_the_place_among_many_rolling_evaluations(
    width: int, epochs: int, each: int
) -> None:
    points = []
    for epoch in range(1, epochs + 2):
        points += [rolling((epoch - 1) * 1_000 + (number + 1) * 1_000 // (each + 1)) for number in range(each)]
        points += [EvaluationPoint(VALIDATION, epoch)] if epoch <= epochs else []
    for place in (points[0], points[len(points) // 2], points[-1]):
        drawn = draw_slide(Slide(tuple(points), place, epochs + 1, 1_000), COLOURS, width)
        assert drawn.line.cell_len <= width
        assert width < 80 or place in drawn.ticks.values()


def test_a_curve_has_rolling_points_with_intervals_thinned_to_what_can_be_told_apart() -> None:
    made = history(steps=600)
    for step in range(10, 600, 10):
        made.apply(samples.rolling_evaluated(step, loss_error=0.01))
    accuracy, loss = METRICS["accuracy"], METRICS["loss"]
    scale = scale_of(made, PlotView())
    dense, sparse = (read_rolling(made, accuracy, scale, columns) for columns in (20, 400))
    assert dense is not None
    assert sparse is not None
    assert sparse.x.size == 59 > 10 >= dense.x.size
    assert dense.x[-1] == sparse.x[-1] == 590
    assert [dense.low[0], dense.high[0]] == pytest.approx([88.38, 91.42], abs=0.01)  # Wilson, 1,350 of 1,500
    losses = read_rolling(made, loss, scale, 20)
    assert losses is not None
    assert [losses.low[0], losses.high[0]] == pytest.approx([0.3 - 0.0196, 0.3 + 0.0196], abs=1e-4)
    assert read_rolling(made, METRICS["learning_rate"], scale, 20) is None


def test_early_rolling_points_do_not_stretch_the_y_axis() -> None:
    made = history(steps=600)
    made.apply(samples.rolling_evaluated(10, validation={"loss": 40.0, "accuracy": 0.1}))
    made.apply(samples.rolling_evaluated(300))
    view, loss = PlotView(), METRICS["loss"]
    scale = scale_of(made, view)
    series = own_series(loss, None, None, read_rolling(made, loss, scale, 60), view, COLOURS)
    assert y_range([one for one in (*series[0], *series[1]) if one.widens])[1] < 1


async def test_the_cursor_reads_the_rolling_value_with_its_interval() -> None:
    made = history(steps=600, epochs=1)
    made.apply(samples.rolling_evaluated(590, first_step=560))
    readout = CursorReadout()
    shown = await drawn(readout, (160, 1), lambda: readout.show(made, [METRICS["accuracy"]], 580))
    assert "rolling 90.00 % (88.38 to 91.42 %, steps 560 to 590)" in shown[0]
    panel = PlotPanel(METRICS["accuracy"])
    shown = await drawn(panel, (80, 20), lambda: panel.show(made, CREATED))
    assert "◦ rolling 90.00 %" in shown[0]
    assert "◦" in "".join(shown[1:])


async def test_a_large_training_screen_shows_the_matrix_and_the_newest_mistakes(recording: Recording) -> None:
    recording.roll(20, 4, 300)
    app = Host(recording.run, TrainingScreen, recording.time)
    with FakeEngine(recording.run):
        app.session.recheck_engine()
        app.session.poll()
        async with app.shown((200, 60)) as pilot:
            await settled(pilot)
            assert "Confusion, rolling to step 20" in text(app)
            assert "Newest mistakes, rolling, 300 of 300 images, steps 4 to 20" in text(app)
            assert "%, step " in text(app)
            recording.train()
            recording.end_epoch()
            app.follow()
            await settled(pilot)
            assert "Most confident mistakes, epoch 1" in text(app)


async def test_a_cursor_that_nobody_has_moved_is_on_the_worst_confusion_of_the_newest_matrix(
    recording: Recording,
) -> None:
    with FakeEngine(recording.run):
        app = Host(recording.run, ConfusionScreen)
        async with app.shown((120, 40)) as pilot:
            await settled(pilot)
            recording.roll(20, 4, 300)
            app.follow()
            await settled(pilot)
            matrix = app.screen.query_one(ConfusionMatrix)
            worst = top_confusions(matrix.counts, 1)[0]
            assert matrix.cursor == (worst.true, worst.predicted)


async def test_from_an_evaluation_that_could_not_be_saved_the_keys_lead_to_the_saved_ones(recording: Recording) -> None:
    recording.roll(20, 4, 200)
    recording.run.rolling_path(20).unlink()
    app = Host(recording.run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert sum(map(sum, app.screen.query_one(ConfusionMatrix).counts)) == 200
        await pilot.press(EARLIER)
        await settled(pilot)
        assert app.session.point == rolling(10)
