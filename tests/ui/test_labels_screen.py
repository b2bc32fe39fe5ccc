"""The queue of disputed labels over a recorded run: what is shown, judged, taken back, exported and cross-checked."""

import asyncio
import csv
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.control.protocol import JobReport
from mnist_tui.inspection.predictions import TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.labels import cross_check
from mnist_tui.ui.labels.issue_list import IssueList
from mnist_tui.ui.labels.issue_view import IssueView
from mnist_tui.ui.labels.relabel import RelabelScreen
from mnist_tui.ui.labels.screen import LabelsScreen
from mnist_tui.ui.theme import LIGHT
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording, make_recorded_run, mnist
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.conftest import Golden
from tests.ui.program import lines, lines_within, looks, program, settled, strips, text, told, wait_for, wait_until

LATER = 2 * 3_600.0
"""Seconds after which a finished run is looked at."""
NOW = 1_800_000_000.0


def opened(run: RunDirectory, now: float = NOW) -> MnistTuiApp:
    return program(run, Clock(now))


async def review_session(pilot: Pilot[int], *keys: str) -> LabelsScreen:
    """Go to the label screen and press keys there."""
    await settled(pilot)
    for key in ("4", *keys):
        await pilot.press(key)
        await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, LabelsScreen)
    return screen


def verdicts_on_disk(run: RunDirectory) -> list[LabelReview]:
    """In the order in which they were given."""
    path = run.path / "verdicts.jsonl"
    said = (
        [msgspec.json.decode(line, type=LabelReview) for line in path.read_bytes().splitlines()]
        if path.exists()
        else []
    )
    return sorted(said, key=lambda each: each.time)


def view_of(screen: LabelsScreen) -> IssueView:
    return screen.query_one(IssueView)


def write_cross_check(run: RunDirectory, count: int = 30) -> None:
    """What the job writes: digits that a network read otherwise than they are labelled, with their pictures."""
    indices = np.arange(100, 100 + count, dtype=np.int32)
    images, labels = mnist()["x_train"][indices], mnist()["y_train"][indices]
    probabilities = np.full((count, 10), 0.02, dtype=np.float16)
    probabilities[np.arange(count), (labels + 1) % 10] = 0.82
    run.save_arrays(run.digits_path(TRAIN), images=images, labels=labels, indices=indices)
    run.save_arrays(run.predictions_path(TRAIN), indices=indices, labels=labels, probabilities=probabilities)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_queue_of_a_recorded_run(
    size: tuple[int, int], golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_tui.ui.labels.screen.origin", lambda interface: f"ada, {interface}")
    app = opened(recorded_run(), finishing_time() + LATER)
    async with app.run_test(size=size) as pilot:
        await review_session(pilot, "R", "8", "A", "U", "W")
        golden(f"labels-{size[0]}x{size[1]}", lines_within(app, size[0]))


async def test_the_most_surely_wrong_label_is_first_with_its_place_in_words(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=2, n=600))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert screen.queue is not None
        margins = [screen.queue.issue(place).margin for place in range(len(screen.queue))]
        assert margins == sorted(margins)
        here = view_of(screen).here
        assert here is not None
        shown = text(app)
        assert f"index {here.index:,} of mnist's" in shown
        assert f"labelled {here.label}, read as {here.predicted} with" in shown
        assert f"0 of {len(margins)} judged" in shown


@pytest.mark.parametrize(
    ("key", "review", "words"),
    [("A", "right", "right"), ("U", "unreadable", "unreadable"), ("W", "wrong", "wrong")],
)
async def test_a_key_judges_the_label_and_goes_on_to_the_next(home: Path, key: str, review: str, words: str) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        first = view_of(screen).here
        assert first is not None
        await pilot.press(key)
        await settled(pilot)
        (said,) = verdicts_on_disk(run)
        assert (said.outcome, said.correct, said.index, said.label) == (review, None, first.index, first.label)
        assert (said.split, said.time) == (VALIDATION, NOW)
        assert "screen" in said.by
        assert view_of(screen).cursor == 1
        row = next(line for line in lines(app) if " 1  " in line and "→" in line)
        assert words in row


async def test_a_digit_after_relabel_is_the_correct_class(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=600)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert screen.queue is not None
        labels = [screen.queue.issue(place).label for place in range(10)]
        for key in range(10):
            await pilot.press("R", str(key))
            await settled(pilot)
            assert app.screen is screen
        expected = [("right", None) if label == key else ("wrong", key) for key, label in enumerate(labels)]
        assert [(each.outcome, each.correct) for each in verdicts_on_disk(run)] == expected


async def test_backspace_takes_the_last_verdict_back_and_returns_to_its_digit(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot, "A", "U", "backspace")
        assert screen.queue is not None
        assert (view_of(screen).cursor, screen.queue.reviewed_count) == (1, 1)
        assert [each.outcome for each in verdicts_on_disk(run)] == ["right", "unreadable", "withdrawn"]
        await pilot.press("backspace")
        await settled(pilot)
        assert (view_of(screen).cursor, screen.queue.reviewed_count) == (0, 0)
        assert app.session is not None
        assert app.session.inspector.review_store.read() == []
        assert not screen.check_action("undo", ())


async def test_backspace_takes_back_a_verdict_of_another_day_under_the_cursor(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    async with opened(run).run_test(size=(120, 40)) as pilot:
        await review_session(pilot, "A")
    app = opened(run, NOW + 90_000)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert view_of(screen).cursor == 1  # the first that is not judged
        assert not screen.check_action("undo", ())
        await pilot.press("up", "backspace")
        await settled(pilot)
        assert screen.queue is not None
        assert screen.queue.reviewed_count == 0
        assert [each.outcome for each in verdicts_on_disk(run)] == ["right", "withdrawn"]


async def test_judged_digits_are_passed_over_and_the_end_is_said(home: Path) -> None:
    run = make_recorded_run(home, epochs=3, n=120)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert screen.queue is not None
        count = len(screen.queue)
        assert count >= 3
        await pilot.press("down", "A")
        await settled(pilot)
        assert view_of(screen).cursor == 2
        await pilot.press("up", "up", "A")
        await settled(pilot)
        assert view_of(screen).cursor == 2
        for _ in range(count - 2):
            await pilot.press("U")
            await settled(pilot)
        assert screen.queue.reviewed_count == count
        assert any(f"All {count} labels" in each for each in told(app))


async def test_the_accuracy_follows_the_verdicts(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert screen.queue is not None
        right = 300 - len(screen.queue)
        issue = screen.queue.issue(0)
        await pilot.press("R", str(issue.predicted))
        await settled(pilot)
        shown = text(app)
        for words in (f"{right} of 300", f"{right} of 299", f"{right + 1} of 300"):
            assert words in shown


async def test_verdicts_hold_for_another_run_of_the_same_data(home: Path) -> None:
    one = make_recorded_run(home, epochs=1, n=300)
    recording = Recording.begin(home, planned=1, n=300, name="calm-hare")
    recording.end_epoch()
    other = recording.run
    for run in (one, other):
        run.write_record(msgspec.structs.replace(run.record(), data_checksum="ab" * 32))
    async with opened(one).run_test(size=(80, 24)) as pilot:
        await review_session(pilot, "U")
    async with opened(other).run_test(size=(80, 24)) as pilot:
        screen = await review_session(pilot)
        assert screen.queue is not None
        assert screen.queue.reviewed_count == 1
    assert verdicts_on_disk(other) == []


async def test_the_exported_file_holds_the_verdict_and_the_answer(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await review_session(pilot)
        here = view_of(screen).here
        assert here is not None
        await pilot.press("U")
        await settled(pilot)
        await pilot.press("e")
        await settled(pilot)
        path = run.path / "verdicts.csv"
        with path.open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["index"], row["split"], row["verdict"]) == (str(here.index), VALIDATION, "unreadable")
        assert row["predicted"] == str(here.predicted)
        assert told(app)[-1] == f"1 verdict written to {path}"


async def test_a_verdict_that_is_still_being_written_down_is_exported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app, exported = opened(run), threading.Event()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await review_session(pilot)
        monkeypatch.setattr(screen.session.inspector, "add_reviews", lambda _: exported.wait())
        try:
            await pilot.press("U", "e")
            path = run.path / "verdicts.csv"
            await wait_until(pilot, path.exists, "the file of verdicts")
            with path.open(newline="") as file:
                assert [row["verdict"] for row in csv.DictReader(file)] == ["unreadable"]
        finally:
            exported.set()


async def test_a_verdict_that_cannot_be_kept_is_said_and_not_shown(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    (run.path / "verdicts.jsonl").mkdir()
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot, "A")
        await settled(pilot)
        assert screen.queue is not None
        assert screen.queue.reviewed_count == 0
        assert "the verdict is not kept" in told(app)[-1]


async def test_another_epoch_has_other_disputes_and_the_cursor_stays_on_its_digit(home: Path) -> None:
    run = make_recorded_run(home, epochs=3, n=600)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot, "down", "down")
        before, here = screen.queue, view_of(screen).here
        assert before is not None
        assert here is not None
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert screen.queue is not None
        assert len(screen.queue) > len(before)
        still = view_of(screen).here
        assert still is not None
        assert still.index == here.index
        assert "epoch 2 of 3" in text(app)


async def test_enter_opens_the_digit_and_comes_back_to_it(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=300))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot, "down")
        here = view_of(screen).here
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)
        assert here is not None
        assert f"{here.index:05d}" in text(app)
        await pilot.press("right", "escape")
        await settled(pilot)
        assert screen.is_current
        assert view_of(screen).cursor == 2


async def test_escape_leads_back_to_the_training(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=100))
    async with app.run_test(size=(80, 24)) as pilot:
        await review_session(pilot, "A")
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, TrainingScreen)


async def test_the_list_moves_by_lines_pages_and_ends_and_scrolls(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=3_000))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await review_session(pilot, "end")
        assert screen.queue is not None
        last = len(screen.queue) - 1
        assert last > 50
        label_issues = screen.query_one(IssueList)
        assert label_issues.cursor == last
        assert f"{last + 1}  " in text(app)
        assert "margin" in text(app)  # the heading stays
        await pilot.press("up", "pageup", "home", "left")
        await settled(pilot)
        assert (label_issues.cursor, label_issues.scroll_offset.y) == (0, 0)


async def test_a_click_chooses_and_a_second_one_opens(home: Path) -> None:
    app = opened(make_recorded_run(home, epochs=1, n=300))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        label_issues = screen.query_one(IssueList)
        await pilot.click(label_issues, offset=(5, 4))
        await settled(pilot)
        assert label_issues.cursor == 2
        await pilot.click(label_issues, offset=(5, 4))
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)


async def test_before_the_first_epoch_it_says_what_comes(home: Path) -> None:
    recording = Recording.begin(home, planned=2, n=100)
    recording.train(5)
    app = opened(recording.run, recording.time)
    with FakeEngine(recording.run):
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await review_session(pilot, "A", "R", "backspace", "e")
            assert "The first disputed labels come" in " ".join(text(app).split())
            assert screen.queue is None
    assert verdicts_on_disk(recording.run) == []


async def test_a_run_without_mistakes_has_no_label_in_dispute(home: Path) -> None:
    recording = Recording.begin(home, planned=1, n=50)
    recording.end_epoch(np.eye(10, dtype=np.float16)[recording.labels])
    app = opened(recording.run)
    async with app.run_test(size=(80, 24)) as pilot:
        await review_session(pilot, "A", "R")
        shown = " ".join(text(app).split())
        assert "No label is in dispute: each of the 50 validation digits is read as it is labelled (epoch 1)." in shown
    assert verdicts_on_disk(recording.run) == []


async def test_missing_predictions_are_a_sentence_and_another_epoch_works(home: Path) -> None:
    run = make_recorded_run(home, epochs=2, n=300)
    run.predictions_path(2).unlink()
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert "The digits of epoch 2 cannot be judged" in text(app)
        await pilot.press("left_square_bracket", "A")
        await settled(pilot)
        assert screen.queue is not None


def named(home: Path, names: tuple[str, ...]) -> RunDirectory:
    """A run whose classes have names."""
    run = make_recorded_run(home, epochs=1, n=300)
    data = run.events_path.read_text("utf-8")
    plain = ",".join(f'"{each}"' for each in range(10))
    assert plain in data
    run.events_path.write_text(data.replace(plain, ",".join(f'"{each}"' for each in names)), "utf-8")
    return run


NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "[b]eight", "nine")


async def test_number_keys_open_screens_and_review_nothing(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await review_session(pilot)
        await pilot.press("5")
        await settled(pilot)
        assert app.screen is app.get_screen("calibration")
    assert verdicts_on_disk(run) == []


async def test_a_review_says_what_it_did_and_how_to_undo_it(home: Path) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        here = view_of(screen).here
        assert here is not None
        await pilot.press("R", str(here.predicted))
        await settled(pilot)
        assert {f"{here.index:05d}", str(here.predicted), "u"} <= set(re.findall(r"\w+", told(app)[-1]))
        await pilot.press("u")
        await settled(pilot)
        assert [each.outcome for each in verdicts_on_disk(run)] == ["wrong", "withdrawn"]
        assert f"{here.index:05d}" in told(app)[-1]


async def test_classes_with_names_are_chosen_from_a_list_the_most_probable_first(home: Path) -> None:
    run = named(home, NAMES)
    app = opened(run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await review_session(pilot)
        here = view_of(screen).here
        assert here is not None
        await pilot.press("R", "3", "escape")  # a number key would not tell which class
        await settled(pilot)
        assert verdicts_on_disk(run) == []
        await pilot.press("R")
        await settled(pilot)
        assert isinstance(app.screen, RelabelScreen)
        assert NAMES[here.label] in text(app)
        assert app.screen.query_one(OptionList).option_count == 10
        await pilot.press("enter")
        await settled(pilot)
        (said,) = verdicts_on_disk(run)
        assert (said.outcome, said.correct) == ("wrong", here.predicted)
        assert NAMES[here.predicted] in text(app)


class Job:
    """A cross-check that goes on as a test lets it."""

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
        """Let it say how far it is, after `first` was done."""

        def step() -> JobReport:
            first()
            return JobReport(words, share)

        self._steps.append(step)
        self._ready.release()

    def fail(self, sentence: str) -> None:
        """Let it end badly."""

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
        if cross_check.going_on(run) is None:
            break
        await asyncio.sleep(0.01)
    await settled(pilot)


async def test_the_cross_check_says_how_far_it_is_and_then_v_shows_its_digits(home: Path, job: Job) -> None:
    run = make_recorded_run(home, epochs=1, n=300)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot)
        assert not screen.check_action("view_check", ())
        await pilot.press("X")
        job.report("training network 2 of 3", 1 / 3)
        await wait_for(pilot, "training network 2 of 3")
        assert "33 %" in text(app)
        await pilot.press("X")
        assert job.started == 1
        job.report("done", 1.0, first=lambda: write_cross_check(run))
        await ended(pilot, run)
        assert "are cross-checked" in told(app)[-1]
        assert "training network" not in text(app)
        await pilot.press("down", "t")
        await settled(pilot)
        assert app.session is not None
        assert app.session.point == EvaluationPoint(TRAIN)
        assert view_of(screen).cursor == 0
        assert screen.queue is not None
        assert len(screen.queue) == 30
        started = app.session.view.history.started
        assert started is not None
        total = started.train_count + started.validation_count
        assert f"{total - 30:,} of {total:,}" in text(app)  # all others are read as they are labelled
        await pilot.press("A")
        await settled(pilot)
        assert verdicts_on_disk(run)[0].split == TRAIN
        await pilot.press("t")
        await settled(pilot)
        assert app.session.point == EvaluationPoint(VALIDATION, 1)


async def test_the_cross_check_goes_on_while_another_screen_is_in_front(home: Path, job: Job) -> None:
    run = make_recorded_run(home, epochs=1, n=100)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await review_session(pilot, "X")
        await pilot.press("escape")
        await settled(pilot)
        job.report("training network 3 of 3", 2 / 3)
        await pilot.press("4")
        await wait_for(pilot, "training network 3 of 3")
        await pilot.press("escape")
        await settled(pilot)
        job.report("done", 1.0)
        await ended(pilot, run)
        await wait_until(pilot, lambda: any("cross-checked" in each for each in told(app)), "a notification")


async def test_a_run_that_is_opened_again_finds_its_cross_check(home: Path, job: Job) -> None:
    run = make_recorded_run(home, epochs=1, n=100)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await review_session(pilot, "X")
        app.open_run(run)
        await review_session(pilot)
        job.report("training network 2 of 3", 1 / 3)
        await wait_for(pilot, "training network 2 of 3")
        job.report("done", 1.0)
        await ended(pilot, run)


async def test_a_cross_check_that_fails_says_why_and_can_be_begun_again(home: Path, job: Job) -> None:
    run = make_recorded_run(home, epochs=1, n=100)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await review_session(pilot, "X")
        job.fail("no memory is left")
        await ended(pilot, run)
        assert "failed: no memory is left" in told(app)[-1]
        assert screen.check_action("cross_check", ())


async def test_while_a_training_goes_on_the_cross_check_is_asked_for_twice(job: Job) -> None:
    replay = Replay()
    replay.to_step(1_200)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(120, 40)) as pilot:
            await review_session(pilot, "X")
            assert job.started == 0
            assert "slows this training" in told(app)[-1]
            await pilot.press("X")
            job.report("training network 1 of 3", 0.0)
            await wait_for(pilot, "training network 1 of 3")
            assert job.started == 1
            job.report("done", 1.0)
            await ended(pilot, replay.run)


async def test_the_other_theme_repaints_everything(home: Path) -> None:
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
        await review_session(pilot)
        light = colours(app)
    app = opened(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await review_session(pilot, "d")
        assert colours(app) == light
