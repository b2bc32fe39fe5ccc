"""The labels screen over recorded runs: what it lists, and how labels are reviewed, exported and cross-checked."""

import asyncio
import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.control.jobs import JobReport
from mnist_tui.inspection.predictions import TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.calibration.screen import CalibrationScreen
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.labels import cross_check
from mnist_tui.ui.labels.issue_list import IssueList
from mnist_tui.ui.labels.issue_view import IssueView
from mnist_tui.ui.labels.relabel import RelabelScreen
from mnist_tui.ui.labels.screen import LabelsScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording, make_recorded_run, mnist
from tests.kit.recording import Clock, Replay
from tests.ui.program import lines, looks, program, settled, text, told, wait_for, wait_until

NOW = 1_800_000_000.0
SIZE = (120, 40)


def opened(run: RunDirectory, now: float = NOW) -> MnistTuiApp:
    return program(run, Clock(now))


@pytest.fixture
def run(home: Path) -> RunDirectory:
    """A run whose only epoch has several label issues."""
    return make_recorded_run(home, epochs=1, n=300)


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def reviewing(pilot: Pilot[int], *keys: str) -> LabelsScreen:
    """Open the labels screen and press keys there."""
    await settled(pilot)
    await press(pilot, "4", *keys)
    screen = pilot.app.screen
    assert isinstance(screen, LabelsScreen)
    return screen


def reviews_on_disk(run: RunDirectory) -> list[LabelReview]:
    """In the order in which they were made."""
    path = run.path / "reviews.jsonl"
    reviews = path.read_bytes().splitlines() if path.exists() else []
    return sorted((msgspec.json.decode(line, type=LabelReview) for line in reviews), key=lambda each: each.time)


def outcomes(run: RunDirectory) -> list[tuple[str, int | None]]:
    return [(each.outcome, each.correct) for each in reviews_on_disk(run)]


def view_of(screen: LabelsScreen) -> IssueView:
    return screen.query_one(IssueView)


def status(screen: LabelsScreen) -> str:
    line = screen.query_one("#status", Static)
    return str(line.render()) if line.display else ""


def reviewed_count(screen: LabelsScreen) -> int:
    assert screen.queue is not None
    return screen.queue.reviewed_count


def write_cross_check(run: RunDirectory, count: int = 30) -> None:
    """Write what the job writes: misclassified digits and their images."""
    indices = np.arange(100, 100 + count, dtype=np.int32)
    images, labels = mnist()["x_train"][indices], mnist()["y_train"][indices]
    probabilities = np.full((count, 10), 0.02, dtype=np.float16)
    probabilities[np.arange(count), (labels + 1) % 10] = 0.82
    run.save_arrays(run.digits_path(TRAIN), images=images, labels=labels, indices=indices)
    run.save_arrays(run.predictions_path(TRAIN), indices=indices, labels=labels, probabilities=probabilities)


async def test_the_most_likely_wrong_label_is_first_with_its_place(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=2, n=600))
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert screen.queue is not None
        margins = [screen.queue.issue(place).margin for place in range(len(screen.queue))]
        assert margins == sorted(margins)
        here = view_of(screen).here
        assert here is not None
        shown = text(app)
        assert f"index {here.index:,} of mnist's" in shown
        assert f"0 of {len(margins)} " in lines(app)[0]


@pytest.mark.parametrize(
    ("keys", "outcome"), [(("A",), "right"), (("U",), "unreadable"), (("R", "end", "enter"), "wrong")]
)
async def test_a_review_is_written_named_and_followed_by_the_next_issue(
    run: RunDirectory, keys: tuple[str, ...], outcome: str
) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        first = view_of(screen).here
        assert first is not None
        await press(pilot, *keys)
        (review,) = reviews_on_disk(run)
        assert (review.outcome, review.correct, review.index, review.label) == (outcome, None, first.index, first.label)
        assert (review.split, review.time) == (VALIDATION, NOW)
        assert "screen" in review.by
        assert view_of(screen).cursor == 1
        assert f"#{first.index:05d}" in status(screen)
        assert "Backspace" in status(screen)


async def test_number_keys_open_screens_and_review_nothing(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        await reviewing(pilot)
        await press(pilot, "5")
        assert isinstance(app.screen, CalibrationScreen)
        await press(pilot, "1", "4", "2", "4", "3", "4", "9", "4", "0")
    assert outcomes(run) == []


async def test_relabel_takes_a_digit_and_the_labels_own_class_means_correct(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert screen.queue is not None
        labels = [screen.queue.issue(place).label for place in range(10)]
        for number in range(10):
            await press(pilot, "R")
            assert isinstance(app.screen, RelabelScreen)
            await press(pilot, str(number))
            assert screen.is_current
        expected = [("right", None) if label == number else ("wrong", number) for number, label in enumerate(labels)]
        assert outcomes(run) == expected


async def test_backspace_undoes_reviews_in_reverse_order(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot, "A", "U", "backspace")
        assert (view_of(screen).cursor, reviewed_count(screen)) == (1, 1)
        await press(pilot, "backspace")
        assert (view_of(screen).cursor, reviewed_count(screen)) == (0, 0)
        assert [outcome for outcome, _ in outcomes(run)] == ["right", "unreadable", "withdrawn", "withdrawn"]
        assert "Backspace" not in status(screen)
        assert not screen.check_action("undo", ())


async def test_backspace_withdraws_a_review_of_an_earlier_session_under_the_cursor(run: RunDirectory) -> None:
    async with opened(run).run_test(size=SIZE) as pilot:
        await reviewing(pilot, "A")
    app = opened(run, NOW + 90_000)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert view_of(screen).cursor == 1  # the first without a review
        assert not screen.check_action("undo", ())
        await press(pilot, "up", "backspace")
        assert reviewed_count(screen) == 0
        assert [outcome for outcome, _ in outcomes(run)] == ["right", "withdrawn"]


async def test_reviewed_issues_are_skipped_until_all_are_reviewed(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=3, n=120))
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert screen.queue is not None
        count = len(screen.queue)
        assert count >= 3
        await press(pilot, "down", "A")
        assert view_of(screen).cursor == 2
        await press(pilot, "up", "up", "A")
        assert view_of(screen).cursor == 2
        await press(pilot, *["U"] * (count - 2))
        assert reviewed_count(screen) == count
        assert f"All {count} " in status(screen)


async def test_the_accuracy_follows_the_reviews(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert screen.queue is not None
        right = 300 - len(screen.queue)
        await press(pilot, "R", str(screen.queue.issue(0).predicted))
        shown = text(app)
        for words in (f"{right} of 300", f"{right} of 299", f"{right + 1} of 300"):
            assert words in shown


async def test_a_review_holds_for_another_run_of_the_same_data(home: Path, run: RunDirectory) -> None:
    recording = Recording.begin(home, planned=1, n=300, name="calm-hare")
    recording.end_epoch()
    other = recording.run
    for each in (run, other):
        each.write_record(msgspec.structs.replace(each.record(), data_checksum="ab" * 32))
    async with opened(run).run_test(size=SIZE) as pilot:
        await reviewing(pilot, "U")
    async with opened(other).run_test(size=SIZE) as pilot:
        assert reviewed_count(await reviewing(pilot)) == 1
    assert reviews_on_disk(other) == []


async def test_reviews_are_exported_with_predictions_even_while_they_are_being_written(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, exported = opened(run), threading.Event()
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        here = view_of(screen).here
        assert here is not None
        monkeypatch.setattr(screen.session.inspector, "add_reviews", lambda _: exported.wait())
        try:
            await pilot.press("U", "e")
            path = run.path / "reviews.csv"
            await wait_until(pilot, path.exists, "the file of reviews")
            with path.open(newline="") as file:
                (row,) = csv.DictReader(file)
            assert (row["index"], row["review"]) == (str(here.index), "unreadable")
            assert row["predicted"] == str(here.predicted)
            await wait_until(pilot, lambda: str(path) in "".join(told(app)), "the path")
        finally:
            exported.set()


async def test_a_review_that_cannot_be_written_is_reported_and_not_shown(run: RunDirectory) -> None:
    (run.path / "reviews.jsonl").mkdir()
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot, "A")
        await settled(pilot)
        assert reviewed_count(screen) == 0
        assert "reviews.jsonl cannot be written" in told(app)[-1]
        assert status(screen) == ""


async def test_another_epoch_has_other_issues_and_the_cursor_stays_on_its_example(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=3, n=600))
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot, "down", "down")
        before, here = screen.queue, view_of(screen).here
        await press(pilot, "left_square_bracket")
        still = view_of(screen).here
        assert before is not None
        assert screen.queue is not None
        assert len(screen.queue) > len(before)
        assert here is not None
        assert still is not None
        assert still.index == here.index


async def test_enter_opens_the_digit_and_escape_comes_back_to_the_last_one_shown(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot, "down")
        here = view_of(screen).here
        assert here is not None
        await press(pilot, "enter")
        assert isinstance(app.screen, DigitScreen)
        assert f"{here.index:05d}" in text(app)
        await press(pilot, "right", "escape")
        assert screen.is_current
        assert view_of(screen).cursor == 2


async def test_the_list_moves_by_lines_pages_and_ends_and_scrolls(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=3_000))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await reviewing(pilot, "end")
        assert screen.queue is not None
        last = len(screen.queue) - 1
        assert last > 50
        issues = screen.query_one(IssueList)
        assert issues.cursor == last
        assert f"{last + 1}  " in text(app)
        assert "margin" in text(app)  # the heading stays
        await press(pilot, "up", "pageup", "home", "left")
        assert (issues.cursor, issues.scroll_offset.y) == (0, 0)


async def test_a_click_selects_and_a_second_click_opens(run: RunDirectory) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        issues = (await reviewing(pilot)).query_one(IssueList)
        await pilot.click(issues, offset=(5, 4))
        await settled(pilot)
        assert issues.cursor == 2
        await pilot.click(issues, offset=(5, 4))
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)


def without_epochs(home: Path) -> Recording:
    recording = Recording.begin(home, planned=2, n=100)
    recording.train(5)
    return recording


def without_mistakes(home: Path) -> Recording:
    recording = Recording.begin(home, planned=1, n=50)
    recording.end_epoch(np.eye(10, dtype=np.float16)[recording.labels])
    return recording


def without_predictions(home: Path) -> Recording:
    recording = Recording.begin(home, planned=1, n=50)
    recording.end_epoch()
    recording.run.predictions_path(1).unlink()
    return recording


@pytest.mark.parametrize("record", [without_epochs, without_mistakes, without_predictions])
async def test_without_issues_the_screen_says_why_and_no_key_reviews(
    home: Path, record: Callable[[Path], Recording]
) -> None:
    recording = record(home)
    app = opened(recording.run, recording.time)
    with FakeEngine(recording.run):
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await reviewing(pilot, "A", "U", "R", "backspace", "enter")
            assert screen.has_class("-empty")
            assert str(screen.query_one("#sentence", Static).render())
    assert outcomes(recording.run) == []


NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "[b]eight", "nine")


@pytest.fixture
def named(run: RunDirectory) -> RunDirectory:
    """The run with class names."""
    data = run.events_path.read_text("utf-8")
    plain = ",".join(f'"{each}"' for each in range(10))
    assert plain in data
    run.events_path.write_text(data.replace(plain, ",".join(f'"{each}"' for each in NAMES)), "utf-8")
    return run


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(("s", "e"), 7), (("[",), 8), (("x", "s", "i"), 6), (("escape",), None), (("t", "enter"), 2)],
)
async def test_named_classes_are_chosen_by_typing_a_name(
    named: RunDirectory, keys: tuple[str, ...], expected: int | None
) -> None:
    async with opened(named).run_test(size=(80, 24)) as pilot:
        screen = await reviewing(pilot)
        here = view_of(screen).here
        assert here is not None
        await press(pilot, "R", *keys)
        assert outcomes(named) == [] if expected is None else [("wrong", expected)]


async def test_the_most_probable_class_is_the_first_choice(named: RunDirectory) -> None:
    async with opened(named).run_test(size=(80, 24)) as pilot:
        here = view_of(await reviewing(pilot, "R", "escape")).here
        assert here is not None
        await press(pilot, "R")
        assert pilot.app.screen.query_one(OptionList).option_count == 11
        await press(pilot, "enter")
        assert outcomes(named) == [("wrong", here.predicted)]


class Job:
    """A cross-check that the test drives."""

    def __init__(self) -> None:
        self.started = 0
        self._steps: list[Callable[[], JobReport]] = []
        self._ready = threading.Semaphore(0)

    def __call__(self, run: RunDirectory, name: str, argument: str = "") -> Iterator[JobReport]:
        assert run.events_path.exists()
        assert (name, argument) == ("cross-check", "")
        self.started += 1
        while True:
            self._ready.acquire()
            report = self._steps.pop(0)()
            yield report
            if report.progress == 1:
                return

    def report(self, words: str, share: float, first: Callable[[], object] = lambda: None) -> None:
        """Let it report its progress, after `first` was done."""

        def step() -> JobReport:
            first()
            return JobReport(words, share)

        self._steps.append(step)
        self._ready.release()

    def fail(self, sentence: str) -> None:
        def step() -> JobReport:
            raise RunError(sentence)

        self._steps.append(step)
        self._ready.release()


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    job = Job()
    monkeypatch.setattr(cross_check, "do_job", job)
    return job


async def ended(pilot: Pilot[int], run: RunDirectory) -> None:
    for _ in looks():
        if cross_check.running(run) is None:
            break
        await asyncio.sleep(0.01)
    await settled(pilot)


async def test_a_cross_check_reports_its_progress_and_then_a_shows_its_issues(run: RunDirectory, job: Job) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        assert not screen.check_action("view_check", ())
        await press(pilot, "X", "X")
        job.report("training network 2 of 3", 1 / 3)
        await wait_for(pilot, "training network 2 of 3")
        assert "33 %" in text(app)
        await pilot.press("X")
        assert job.started == 1
        job.report("done", 1.0, first=lambda: write_cross_check(run))
        await ended(pilot, run)
        assert [words for words in told(app) if "Cross-check is not possible now" not in words] == told(app)[-1:]
        assert "training network" not in text(app)
        await press(pilot, "down", "t")
        assert app.session is not None
        assert app.session.point == EvaluationPoint(TRAIN)
        assert view_of(screen).cursor == 0
        assert screen.queue is not None
        assert len(screen.queue) == 30
        started = app.session.view.history.started
        assert started is not None
        total = started.train_count + started.validation_count
        assert f"{total - 30:,} of {total:,}" in text(app)  # all others are predicted as labelled
        await press(pilot, "A")
        assert reviews_on_disk(run)[0].split == TRAIN
        await press(pilot, "t")
        assert app.session.point == EvaluationPoint(VALIDATION, 1)


async def test_a_cross_check_continues_behind_other_screens_and_when_the_run_is_opened_again(
    run: RunDirectory, job: Job
) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        await reviewing(pilot, "X", "X")
        await press(pilot, "1")
        job.report("training network 2 of 3", 1 / 3)
        await press(pilot, "4")
        await wait_for(pilot, "training network 2 of 3")
        app.open_run(run)
        await reviewing(pilot)
        job.report("training network 3 of 3", 2 / 3)
        await wait_for(pilot, "training network 3 of 3")
        await press(pilot, "1")
        job.report("done", 1.0)
        await ended(pilot, run)
        await wait_until(pilot, lambda: len(told(app)) == 1, "a notification")


async def test_a_cross_check_that_fails_says_why_and_can_be_started_again(run: RunDirectory, job: Job) -> None:
    app = opened(run)
    async with app.run_test(size=SIZE) as pilot:
        screen = await reviewing(pilot)
        await press(pilot, "X", "X")
        job.fail("no memory is left")
        await ended(pilot, run)
        assert "no memory is left" in told(app)[-1]
        assert screen.check_action("cross_check", ())


@pytest.mark.parametrize("answer", ["escape", "enter"])
@pytest.mark.parametrize("trains", [True, False])
async def test_a_cross_check_does_not_start_unasked(job: Job, answer: str, trains: bool) -> None:
    replay = Replay()
    replay.to_step(1_200)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        if not trains:
            engine.die()
        async with app.run_test(size=SIZE) as pilot:
            screen = await reviewing(pilot)
            await press(pilot, "X")
            assert ("slows the training" in text(app)) == trains
            await press(pilot, answer)
            assert app.screen is screen
            assert job.started == 0
