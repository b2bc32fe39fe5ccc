"""The calibration screen over recorded runs."""

from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from mnist_tui.analysis.calibration import reliability
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.calibration.abstention_panel import CURSOR
from mnist_tui.ui.calibration.confidences import THRESHOLDS
from mnist_tui.ui.calibration.screen import CalibrationScreen
from mnist_tui.ui.theme import LIGHT
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording, make_recorded_run
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.conftest import Golden
from tests.ui.program import lines_within, program, settled, strips, text

LATER = 2 * 3_600.0
NOW = 1_800_000_000.0


def opened(run: RunDirectory, now: float = NOW) -> MnistTuiApp:
    return program(run, Clock(now))


async def opened_calibration(pilot: Pilot[int], *keys: str) -> CalibrationScreen:
    """Open the calibration screen and press keys."""
    await settled(pilot)
    for key in ("5", *keys):
        await pilot.press(key)
        await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, CalibrationScreen)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_calibration_of_a_recorded_run(size: tuple[int, int], golden: Golden) -> None:
    app = opened(recorded_run(), finishing_time() + LATER)
    async with app.run_test(size=size) as pilot:
        await opened_calibration(pilot, "right", "right")
        golden(f"calibration-{size[0]}x{size[1]}", lines_within(app, size[0]))


async def test_the_figures_follow_the_current_evaluation(home: Path) -> None:
    run = make_recorded_run(home, epochs=3, n=600)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_calibration(pilot)
        assert app.session is not None
        for point in (EvaluationPoint(VALIDATION, 3), EvaluationPoint(VALIDATION, 2), EvaluationPoint(VALIDATION, 1)):
            assert app.session.point == point
            table = app.session.findings(point).table
            expected = reliability(table.confidence, table.correct)
            assert f"ECE {expected.expected_error:.4f}" in text(app)
            assert f"MCE {expected.maximum_error:.4f}" in text(app)
            assert f"wrong {int(expected.wrong.sum())} " in text(app)
            await pilot.press("left_square_bracket")
            await settled(pilot)


async def test_the_final_test_has_figures(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=200))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_calibration(pilot, "right_square_bracket")
        assert app.session is not None
        assert app.session.point == EvaluationPoint(TEST)
        assert "100 test images" in text(app)


async def test_a_new_epoch_brings_new_figures(home: Path) -> None:
    recording = Recording.begin(home, planned=3, n=300)
    recording.end_epoch()
    app = opened(recording.run, recording.time)
    with FakeEngine(recording.run):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened_calibration(pilot)
            before = screen.figures
            recording.end_epoch()
            app._follow()
            await settled(pilot)
            assert screen.figures is not before
            assert "epoch 2 of 3" in text(app)


async def test_keys_move_the_threshold(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=2, n=600))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened_calibration(pilot)
        assert screen.figures is not None
        begun = THRESHOLDS.index(screen.threshold)
        for keys, place in ((("right",), begun + 1), (("left", "left"), begun - 1), (("home",), 0), (("left",), 0)):
            for key in keys:
                await pilot.press(key)
            await settled(pilot)
            assert screen.threshold == THRESHOLDS[place]
            left = screen.figures.abstaining(screen.threshold)
            shown = text(app)
            assert f"below {screen.threshold:.3f}" in shown
            assert f"answered {left.answered:>3,} of 600" in shown
            assert CURSOR in shown
        await pilot.press("pageup")
        assert screen.threshold == THRESHOLDS[10]
        await pilot.press("end", "right")
        await settled(pilot)
        assert screen.threshold == 1.0


async def test_the_cursor_starts_at_an_accuracy_of_99_9_percent(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=3, n=600))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened_calibration(pilot)
        assert screen.figures is not None
        wanted = dict(screen.figures.targets)[0.999]
        assert screen.threshold >= wanted.threshold
        assert screen.figures.abstaining(screen.threshold).accuracy >= 0.999
        lower = THRESHOLDS[THRESHOLDS.index(screen.threshold) - 1]
        assert lower < wanted.threshold


async def test_the_threshold_stays_when_the_epoch_changes(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=2, n=600))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened_calibration(pilot, "home", "right")
        assert screen.threshold == THRESHOLDS[1]
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert screen.threshold == THRESHOLDS[1]


async def test_before_the_first_epoch_there_is_a_sentence_and_keys_do_nothing(home: Path) -> None:
    recording = Recording.begin(home, planned=2, n=100)
    recording.train(5)
    app = opened(recording.run, recording.time)
    with FakeEngine(recording.run):
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened_calibration(pilot, "right", "end")
            assert "The first figures come" in " ".join(text(app).split())
            assert screen.figures is None


async def test_damaged_predictions_are_a_sentence_and_another_epoch_works(home: Path) -> None:
    run = make_recorded_run(home, epochs=2, n=300)
    run.predictions_path(2).write_bytes(b"rubbish")
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened_calibration(pilot)
        assert "The images of epoch 2 cannot be shown" in text(app)
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert screen.figures is not None


async def test_epochs_without_mistakes_and_after_divergence_are_drawn(home: Path) -> None:
    recording = Recording.begin(home, planned=2, n=50)
    recording.end_epoch(np.eye(10, dtype=np.float16)[recording.labels])
    recording.end_epoch(np.full((50, 10), np.nan, dtype=np.float16))
    app = opened(recording.run)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened_calibration(pilot)
        assert "50 predictions have no confidence" in text(app)
        await pilot.press("left_square_bracket")
        await settled(pilot)
        shown = text(app)
        assert "ECE 0.0000" in shown
        assert "no threshold" in shown
        assert "wrong 0 " in shown


async def test_a_cross_check_has_no_figures(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=100)
    for path in (run.predictions_path, run.digits_path):
        run.save_arrays(path(TRAIN), **run.load_arrays(path(TEST)))
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened_calibration(pilot, "right_square_bracket", "right_square_bracket")
        assert app.session is not None
        assert app.session.point == EvaluationPoint(TRAIN)
        assert screen.figures is None
        assert "cross-check" in text(app)


async def test_switching_the_theme_repaints_everything(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)

    def colours(app: MnistTuiApp) -> list[tuple[str, str, str]]:
        return [
            (segment.text, str(segment.style.color), str(segment.style.bgcolor))
            for strip in strips(app)
            for segment in strip
            if segment.style and segment.text.strip()
        ]

    app = opened(run)
    app.theme = LIGHT.name
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_calibration(pilot)
        light = colours(app)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_calibration(pilot, "d")
        assert colours(app) == light
