"""The screen that lists label issues for review; a review holds for all runs of the same data."""

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.query import Query, Term
from mnist_tui.analysis.reviews import LabelReview, ReviewOutcome
from mnist_tui.control.client import origin
from mnist_tui.control.jobs import JobReport
from mnist_tui.inspection.predictions import TRAIN, EvaluationPoint
from mnist_tui.inspection.review_export import export_reviews
from mnist_tui.render.text import bar, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.digit_list import DigitList
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.labels import cross_check
from mnist_tui.ui.labels.cross_check import CrossCheck, CrossCheckScreen
from mnist_tui.ui.labels.issue_list import IssueList
from mnist_tui.ui.labels.issue_view import IssueView
from mnist_tui.ui.labels.queue import LabelQueue, Outcome, label_queue, outcome_words
from mnist_tui.ui.labels.relabel import UNKNOWN_CLASS, RelabelScreen
from mnist_tui.ui.labels.review import ReviewSession
from mnist_tui.ui.labels.words import digits_words
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.shared.waiting import before_the_first_epoch
from mnist_tui.ui.steering.steering import notify

CHECK = EvaluationPoint(TRAIN)
CHECK_BAR = 20
ONLY_FULL = "Rolling evaluations do not count here: labels are judged on the whole validation set."


class LabelsScreen(PredictionScreen):
    """Shows the label issues of a full evaluation. A review shows at once, while a thread writes it."""

    BINDINGS = bindings("labels", "cursor")
    SHOWS_ROLLING = False
    PAGES = ("#left", "#answer", "IssueList", "LabelAccuracyPanel")
    KEY_GROUPS = ("labels", "cursor", "travel", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    class Checked(Message):
        """The cross-check has progressed or ended."""

    class Lost(Message):
        """A review could not be written."""

        def __init__(self, review: LabelReview, error: str) -> None:
            super().__init__()
            self.review = review
            self.error = error

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.queue: LabelQueue | None = None
        """None until predictions are loaded."""
        self._review_session = ReviewSession(session.clock)
        self._check: CrossCheck | None = None
        self._before_check: EvaluationPoint | None = None
        self._shown_check: tuple[JobReport, str] | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        yield IssueView()
        yield Static(id="status")
        yield Static(id="check")

    def on_mount(self) -> None:
        super().on_mount()
        self._watch(cross_check.running(self.session.run))

    def on_screen_suspend(self) -> None:
        super().on_screen_suspend()
        self.query_one("#status", Static).display = False

    def subject(self, view: RunView) -> str:
        if self.queue is None or not view.history.epochs:
            return "label issues"
        reviewed = f"{self.queue.reviewed_count:,} of {len(self.queue):,} reviewed"
        if self.is_narrow:
            return f"labels · {reviewed}"
        return f"label issues · {reviewed} · {digits_words(self.queue.point)}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        has_label_issues = bool(self.queue) and bool(view.history.epochs)
        self.set_class(not has_label_issues, "-empty")
        if has_label_issues:
            self.query_one(IssueView).update_view(view)
            if self.focused is None:
                self.query_one(IssueList).focus()
        else:
            self.query_one("#sentence", Static).update(Content(self._no_issues(view)))
        self.set_class(self._is_checking, "-checking")
        if self._check is not None and (self._check.report, self.app.theme) != self._shown_check:
            done, colours = self._check.report, palette_of(self)
            self._shown_check = (done, self.app.theme)
            share = f"  {done.progress:4.0%}   ".replace("%", " %")
            track = (bar(done.progress, CHECK_BAR), paint(colours.accent, colours.background))
            self.query_one("#check", Static).update(
                Text.assemble("cross-check  ", track, share, (sanitize(done.message), paint(colours.quiet)))
            )

    def take_predictions(self) -> None:
        """Show the label issues; the cursor stays on its example, or goes to the first that is not reviewed."""
        before = self.queue
        digit = before.digit(self.query_one(IssueView).cursor) if before else None
        self._queue_up()
        if self.queue is not None:
            same = before is not None and before.point.split == self.queue.point.split
            place = self.queue.position_of(digit) if same and digit is not None else None
            self._show_queue(place if place is not None else self.queue.next_unreviewed(0) or 0)
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("relabel", "review", "open_digit"):
            return bool(self.queue)
        if action == "undo":
            return self._review_session.can_undo or self._is_reviewed
        if action == "view_check":
            return CHECK in self.session.points() and self.session.point != CHECK
        if action == "view_epoch":
            return self.session.point == CHECK
        if action == "cross_check":
            return self.session.view.history.started is not None and not self._is_checking
        if action == "export_reviews":
            return self.queue is not None
        return super().check_action(action, parameters)

    def action_review(self, outcome: Outcome) -> None:
        """Review the label under the cursor."""
        self._review(outcome)

    def action_relabel(self) -> None:
        """Ask for the correct class of the example under the cursor."""
        here = self.query_one(IssueView).here
        if here is not None:
            probabilities = [float(each) for each in here.probabilities]
            self.app.push_screen(RelabelScreen(here.label, self._names, probabilities), self._relabel)

    def action_undo(self) -> None:
        """Undo the last review of this session; without one, withdraw that of the example under the cursor."""
        if self._review_session.can_undo:
            self._keep(self._review_session.undo(), go_on=False)
        elif self.queue:
            standing = self._standing(self.queue.digit(self.query_one(IssueView).cursor))
            if standing is not None:
                self._keep(self._review_session.withdraw(standing), go_on=False)

    def action_view_check(self) -> None:
        """Show the label issues of the cross-check."""
        self._before_check = None if self.session.follows else self.session.point
        self.travel_to(CHECK)

    def action_view_epoch(self) -> None:
        """Go back to the evaluation shown before the cross-check."""
        self.travel_to(self._before_check)

    def action_cross_check(self) -> None:
        """Start a cross-check, if the user confirms it."""
        self.app.push_screen(CrossCheckScreen(self.session.view), self._cross_check)

    def _cross_check(self, choice: str | None) -> None:
        if choice != "check":
            return
        app, name = self.app, self.session.record.name

        def ended(check: CrossCheck) -> None:
            if check.problem:
                notify(app, f"The cross-check of {name} failed: {check.problem}", "error")
            else:
                notify(app, f"All labels of {name} are cross-checked: t on the labels screen shows the issues.")

        self._watch(cross_check.start(self.session.run, ended))

    def action_export_reviews(self) -> None:
        """Write all reviews as CSV, also those that are still being written."""
        if self.queue is not None:
            standing = self._review_session.standing(self.session.inspector.review_store.read())
            self._export(self.queue.point, standing, self._names)

    def action_move(self, where: str) -> None:
        """Move the cursor of the list, also while another page is shown."""
        self.query_one(IssueList).action_move(where)

    def action_open_digit(self) -> None:
        """Open the screen of the digit under the cursor."""
        if self.queue:
            found, view = self.queue.findings, self.query_one(IssueView)
            digits = DigitList(found, Query((Term("wrong"),)), found.label_issues.rows, self._names)
            self.app.push_screen(DigitScreen(self.session, digits, view.cursor, on_move=view.go_to))

    def on_issue_list_moved(self) -> None:
        self.refresh_keys()  # another example may have a review to undo

    def on_issue_list_opened(self) -> None:
        self.action_open_digit()

    def on_labels_screen_checked(self) -> None:
        if self._check is not None and self._check.is_over and self.session.point == CHECK:
            self.asked = None  # read the new predictions
        self.catch_up()

    def on_labels_screen_lost(self, event: Lost) -> None:
        self._review_session.lost(event.review)
        self.query_one("#status", Static).display = False
        notify(self.app, event.error, "error")
        self.take_predictions()

    def _review(self, outcome: Outcome, correct: int | None = None) -> None:
        if self.queue:
            review = self.queue.review(self.query_one(IssueView).cursor, outcome, correct, origin("screen"))
            self._keep(self._review_session.give(review, self._standing(review.digit)), go_on=True)

    def _relabel(self, correct: int | None) -> None:
        here = self.query_one(IssueView).here
        if correct is None or here is None:
            return
        if correct == here.label:
            self._review("right")
        else:
            self._review("wrong", None if correct == UNKNOWN_CLASS else correct)

    def _keep(self, review: LabelReview, *, go_on: bool) -> None:
        """Show a review and have it written; the cursor goes to the next issue, or to the review's own."""
        self._write(review)
        self._queue_up()
        if self.queue is None:
            return
        cursor = self.query_one(IssueView).cursor
        place = self.queue.next_unreviewed(cursor) if go_on else self.queue.position_of(review.digit)
        status = self.query_one("#status", Static)
        status.update(Content(self._done_words(review, go_on)))
        status.display = True
        self._show_queue(cursor if place is None else place)
        self.catch_up()

    def _done_words(self, review: LabelReview, go_on: bool) -> str:
        """Describe a review action and how to undo it."""
        done = f"#{review.index:05d}: {outcome_words(review, self._names)}"
        if not go_on:
            return f"{done}."
        done += "; Backspace undoes."
        if self.queue is not None and self.queue.reviewed_count == len(self.queue):
            done += f" All {len(self.queue):,} label issues are reviewed."
        return done

    @work(thread=True, group="reviews")
    def _write(self, review: LabelReview) -> None:
        try:
            self.session.inspector.add_reviews(review)
        except RunError as error:
            self.post_message(self.Lost(review, str(error)))

    @work(thread=True, exclusive=True, group="export")
    def _export(self, point: EvaluationPoint, reviews: list[LabelReview], names: tuple[str, ...]) -> None:
        session = self.session
        try:
            path, count = export_reviews(session.run, session.inspector, session.view.history, point, reviews, names)
        except RunError as error:
            notify(self.app, str(error), "error")
        else:
            notify(self.app, f"{count:,} review{'' if count == 1 else 's'} written to {path}")

    def _queue_up(self) -> None:
        """Combine the findings with the reviews."""
        found, started = self.findings, self.session.view.history.started
        self.queue = None
        if found is not None:
            unrecorded = 0
            if found.predictions.point == CHECK and started is not None:
                unrecorded = max(0, started.train_count + started.validation_count - len(found.predictions))
            standing = self._review_session.standing(self.session.inspector.review_store.read())
            self.queue = label_queue(found, standing, unrecorded)

    def _show_queue(self, cursor: int) -> None:
        if self.queue:
            self.query_one(IssueView).show(self.queue, self._names, cursor)

    def _no_issues(self, view: RunView) -> str:
        point = self.point
        if point is None:
            words = before_the_first_epoch(view, "The first label issues come")
            return f"{words} {ONLY_FULL}" if view.status.is_live and view.history.record.config.rolling else words
        if self.problem:
            return f"The images of {point.words} cannot be reviewed: {self.problem}"
        if self.queue is None:
            return f"Reading the images of {point.words} …"
        total = f"{self.queue.total:,} {digits_words(point)}"
        return f"No label issues: all {total} are predicted as labelled ({point.words})."

    def _watch(self, check: CrossCheck | None) -> None:
        self._check = check
        if check is not None:
            check.watcher = lambda: self.post_message(self.Checked())
            self.post_message(self.Checked())

    def _standing(self, digit: tuple[str, int]) -> LabelReview | None:
        standing = self._review_session.standing(self.session.inspector.review_store.read())
        return next((each for each in standing if each.digit == digit), None)

    @property
    def _is_reviewed(self) -> bool:
        here = self.query_one(IssueView).here if self.has_widgets else None
        return here is not None and here.reviewed is not ReviewOutcome.UNREVIEWED

    @property
    def _is_checking(self) -> bool:
        return self._check is not None and not self._check.is_over

    @property
    def _names(self) -> tuple[str, ...]:
        return self.class_names(
            self.session.view, self.predictions.probabilities.shape[1] if self.predictions is not None else 0
        )
