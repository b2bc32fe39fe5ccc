"""One digit and the engine: what is asked, when, and what the screen shows of the answer."""

import threading
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from mnist_tui.control.protocol import Explain, Explanation, GivenDigit, Neighbour, Reply, Variant
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.digits import explain_screen
from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.explainer import Inquiry, Question
from mnist_tui.ui.digits.screen import DigitsScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import make_recorded_run
from tests.ui.explanations import answer_line, explanation
from tests.ui.host import SIZES, Host, settled
from tests.ui.program import looks


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make_recorded_run(tmp_path, epochs=2, n=300)


async def until(pilot: Pilot[None], app: Host, words: str) -> None:
    """Wait until the words are on the screen; an answer comes from a thread that no worker is."""
    for _ in looks():
        await settled(pilot)
        if words in app.text():
            return
    raise AssertionError(f"expected {words!r} on the screen:\n{app.text()}")


async def opened(pilot: Pilot[None], app: Host) -> DigitScreen:
    await settled(pilot)
    await pilot.press("enter")
    await settled(pilot)
    assert isinstance(app.screen, DigitScreen)
    return app.screen


@pytest.mark.parametrize("size", SIZES)
async def test_neighbours_and_small_changes_are_pictures_with_words(run: RunDirectory, size: tuple[int, int]) -> None:
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        app.session.recheck_engine()
        app.session.poll()
        async with app.shown(size) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, app, "o: what spoke for it")
            shown = []
            for _ in range(4):
                shown.append(app.text())
                assert {len(line) for line in app.lines()} == {size[0]}
                await pilot.press("tab")
                await settled(pilot)
            text = "\n".join(shown)
            for words in (
                "Nearest digits · labelled 4 ×5, 9 ×4, 7 ×3",
                "#00100 0.031",
                "4 validation",
                "9 training",
            ):
                assert words in text
            for words in ("Under small changes", "2 px left", "✗ 9  61.0 %"):
                assert words in text
            index = screen.digits.digit(0).index
            assert engine.sent() == [Explain("validation", index)]


async def test_a_digit_of_a_set_given_to_evaluate_goes_with_the_question(run: RunDirectory) -> None:
    run.save_arrays(run.digits_path("set-mine"), **run.load_arrays(run.digits_path(TEST)))
    run.save_arrays(run.predictions_path("set-mine"), **run.load_arrays(run.predictions_path(TEST)))
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        app.session.recheck_engine()
        app.session.poll()
        app.session.travel_to(EvaluationPoint("set-mine"))
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, app, "o: what spoke for it")
            digit = screen.digits.digit(0)
            given = GivenDigit(digit.image.tobytes(), digit.true)
            assert engine.sent() == [Explain("set-mine", digit.index, given)]
            assert f"#{digit.index:05d} of the set mine" in app.text()
            assert "After each epoch" not in app.text(), "its digits are read once"


async def test_a_validation_digit_of_the_cross_check_is_asked_for_as_one(run: RunDirectory) -> None:
    run.save_arrays(run.digits_path(TRAIN), **run.load_arrays(run.digits_path(VALIDATION)))
    run.save_arrays(run.predictions_path(TRAIN), **run.load_arrays(run.predictions_path(1)))
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        app.session.recheck_engine()
        app.session.poll()
        app.session.travel_to(EvaluationPoint(TRAIN))
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, app, "o: what spoke for it")
            assert engine.sent() == [Explain("validation", screen.digits.digit(0).index)]
            assert "of the training part (validation split)" in app.text()


async def test_what_spoke_for_the_predicted_and_for_the_true_class_is_laid_over_the_picture(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        app.session.recheck_engine()
        app.session.poll()
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, app, "o: what spoke for it")
            picture = screen.query_one(DigitImage)
            plain = picture.render_line(12)
            await pilot.press("h")
            await settled(pilot)
            predicted = screen.digits.digit(0).predicted
            assert f"■ for {max(range(10), key=explanation().probabilities.__getitem__)}  ■ against" in app.text()
            assert predicted != screen.digits.digit(0).true
            for_predicted = picture.render_line(12)
            assert for_predicted != plain
            await pilot.press("h")
            await settled(pilot)
            assert f"■ for {screen.digits.digit(0).true}  ■ against" in app.text()
            assert picture.render_line(12) != for_predicted
            await pilot.press("h")
            await settled(pilot)
            assert picture.render_line(12) == plain


async def test_without_colours_signs_are_laid_over_it(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    app.no_color = True
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        app.session.recheck_engine()
        app.session.poll()
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await until(pilot, app, "o: what spoke for it")
            await pilot.press("h")
            await settled(pilot)
            assert "- against" in app.text()
            picture = screen.query_one(DigitImage)
            signs = "".join(picture.render_line(y).text for y in range(picture.size.height))
            assert {"+", "-"} <= set(signs)


async def test_a_refusal_is_shown_as_it_is_and_another_digit_is_asked_about_anew(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = msgspec.json.encode(Reply(ok=False, error="no epoch is validated yet")) + b"\n"
        app.session.recheck_engine()
        app.session.poll()
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await pilot.press("tab")
            await until(pilot, app, "validated yet")
            engine.reply = answer_line()
            await pilot.press("right")
            await until(pilot, app, "labelled 4")
            indices = [screen.digits.digit(place).index for place in (0, 1)]
            assert engine.sent() == [Explain("validation", index) for index in indices]
            await pilot.press("left")
            await until(pilot, app, "labelled 4")
            assert len(engine.sent()) == 3, "a refusal is no answer: it is asked for again"


async def test_without_an_engine_x_wakes_one(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[RunDirectory] = []
    monkeypatch.setattr(explain_screen, "load_model", woken.append)
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await opened(pilot, app)
        await pilot.press("tab")
        await settled(pilot)
        assert "x: wake the network (a few seconds)" in app.text()
        assert "L Load model" in app.lines()[-1]
        await pilot.press("L")
        await settled(pilot)
        assert [each.path for each in woken] == [run.path]
        assert "waking the network …" in app.text()
        assert "L Load model" not in app.lines()[-1]
        with FakeEngine(run) as engine:
            engine.reply = answer_line()
            app.follow()
            await until(pilot, app, "labelled 4")


async def test_an_engine_is_woken_for_a_digit_of_a_set_given_to_evaluate(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save_arrays(run.digits_path("set-mine"), **run.load_arrays(run.digits_path(TEST)))
    run.save_arrays(run.predictions_path("set-mine"), **run.load_arrays(run.predictions_path(TEST)))
    woken: list[RunDirectory] = []
    monkeypatch.setattr(explain_screen, "load_model", woken.append)
    app = Host(run, DigitsScreen)
    app.session.travel_to(EvaluationPoint("set-mine"))
    async with app.shown((120, 40)) as pilot:
        await opened(pilot, app)
        assert "L Load model" in app.lines()[-1]
        await pilot.press("L")
        await settled(pilot)
        assert [each.path for each in woken] == [run.path]


async def test_an_engine_that_cannot_be_woken_is_a_sentence(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: RunDirectory) -> None:
        raise RunError("the engine cannot be started (no memory): free some memory and try again")

    monkeypatch.setattr(explain_screen, "load_model", fail)
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await opened(pilot, app)
        await pilot.press("tab", "L")
        await settled(pilot)
        assert any("free some memory" in sentence for sentence in app.told())
        assert "x: wake the network" in app.text()


def test_of_the_questions_that_come_while_one_is_asked_only_the_newest_is_asked_next(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def ask(_: RunDirectory, request: Explain, patience: float) -> Reply:
        assert patience == 60
        asked.append(request.index)
        begun.set()
        assert go_on.wait(60)
        return Reply(ok=True, explanation=explanation())

    def tell(question: Question, outcome: Explanation | str) -> None:
        assert isinstance(outcome, Explanation)
        if question.index == 9:
            done.set()

    monkeypatch.setattr("mnist_tui.ui.digits.explainer.send", ask)
    inquiry = Inquiry(run, tell)
    inquiry.ask(Question("validation", 1))
    assert begun.wait(60)
    for index in (2, 3, 9):
        inquiry.ask(Question("validation", index))
    go_on.set()
    assert done.wait(60)
    assert asked == [1, 9]


def test_nothing_is_told_after_the_end(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, told = threading.Event(), threading.Event(), []

    def ask(*_: object) -> Reply:
        begun.set()
        assert go_on.wait(60)
        return Reply(ok=True, explanation=explanation())

    monkeypatch.setattr("mnist_tui.ui.digits.explainer.send", ask)
    inquiry = Inquiry(run, lambda *answer: told.append(answer))
    inquiry.ask(Question("validation", 1))
    assert begun.wait(60)
    inquiry.close()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "inquiry":
            thread.join(60)
    assert told == []


def test_the_explanation_of_these_tests_is_one_that_an_engine_could_give() -> None:
    made = explanation()
    assert all(isinstance(each, Neighbour) and len(each.image) == 784 for each in made.neighbours)
    assert all(isinstance(each, Variant) and len(each.image) == 784 for each in made.variants)
    assert len(made.for_predicted) == len(made.for_true) == 784
