"""The facts of a run: its results with their intervals, its progress or its error, and its settings."""

from rich.text import Text
from textual.content import Content

from mnist_tui.analysis.significance import NO_INTERVAL, interval_words
from mnist_tui.config import AUTO, RunConfig
from mnist_tui.render.text import clip_parts, duration, percent, sanitize, thin_bar
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary
from mnist_tui.settings import SETTINGS, Value
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.theme import status_colour

LABEL_WIDTH = 12
BAR_WIDTH = 24
SAME = "as in the form"
UNKNOWN = "unknown: the run was imported"
Row = tuple[str, str, str]
"""Label, text of parts that may be left out from the end, and the theme variable of its colour."""


class GlanceFacts(LineWidget):
    """One line for each fact."""

    DEFAULT_CSS = """
    GlanceFacts { border: round $frame; border-title-color: $foreground; height: 5; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []

    def show(self, summary: RunSummary, form: RunConfig | None) -> None:
        """Show a run, and in which settings it differs from the form's, if those can be used."""
        colour = status_colour(summary.status)
        status = sanitize(summary.status_in_words)
        name = sanitize(summary.record.name)
        self.set_title(Content.from_markup(f"$name  [${colour}]$status[/]", name=name, status=status))
        rows = [*result_rows(summary), ("settings", settings_words(summary, form), "")]
        if rows != self._rows:
            self._rows = rows
            self.redraw()

    def draw(self) -> list[Text]:
        variables, room = self.app.theme_variables, self.size.width - LABEL_WIDTH
        return [
            Text.assemble(
                (f"{label:<{LABEL_WIDTH}}", variables["quiet"]), (clip_parts(text, room), variables.get(colour, ""))
            )
            for label, text, colour in self._rows
        ]


def result_rows(summary: RunSummary) -> list[Row]:
    """Return the test or what is in its place, and the newest validation."""
    history, status = summary.history, summary.status
    rows: list[Row] = []
    if history.failed is not None:
        rows.append(("error", sanitize(history.failed.error), "error"))
    elif status is Status.CRASHED:
        rows.append(("error", "crashed without an error message: see engine.log", "error"))
    elif status.is_live:
        rows.append(("progress", progress_words(summary), ""))
    elif summary.test is not None:
        took = [duration(summary.test.seconds)] if summary.test.seconds else []
        accuracy = accuracy_words(summary.test_accuracy, summary.test_count)
        rows.append(("test", " · ".join([accuracy, *took]), "success"))
    else:
        rows.append(("test", "not tested", "quiet"))
    newest = summary.newest_rolling
    if newest is not None:
        accuracy = accuracy_words(newest.validation.get("accuracy"), newest.count, summary.validation_count)
        rows.append(("validation", f"{accuracy} · rolling", ""))
    elif summary.best is not None:
        accuracy = accuracy_words(summary.validation_accuracy, summary.validation_count)
        rows.append(("validation", f"{accuracy} · epoch {summary.best.epoch}", ""))
    else:
        rows.append(("validation", "not yet" if status.is_live else "no validated epoch", "quiet"))
    return rows


def progress_words(summary: RunSummary) -> str:
    """Return the share of the steps done, the epoch and the speed."""
    share = summary.share_done
    if share is None:
        return str(summary.history.phase or summary.status)
    done, rest = thin_bar(share, BAR_WIDTH)
    epoch = min(summary.epochs_planned, len(summary.history.epochs) + 1)
    parts = [f"{share:.0%}  {done}{' ' * len(rest)}", f"epoch {epoch} of {summary.epochs_planned}"]
    if summary.images_per_second:
        parts.append(f"{summary.images_per_second:,.0f} images/s")
    return " · ".join(parts)


def accuracy_words(accuracy: float | None, count: int, total: int = 0) -> str:
    """Return an accuracy on `count` images, of `total` if there are more, with its interval."""
    images = f"{percent(accuracy)} of {count:,}{f' of {total:,}' if total > count else ''} images"
    interval = interval_words(accuracy, count)
    return images if interval == NO_INTERVAL else f"{images} · 95 % interval {interval}"


def settings_words(summary: RunSummary, form: RunConfig | None) -> str:
    """Return the settings of a run that differ from the form's, each with the form's value."""
    config = summary.record.config
    if summary.record.imported_from is not None:
        return UNKNOWN
    if form is None:
        return f"preset {sanitize(config.networks)}"
    found = []
    for setting in SETTINGS:
        ours, theirs = getattr(config, setting.key), getattr(form, setting.key)
        is_open = setting.key == "ensemble" and theirs == AUTO and ours == "1"
        if ours != theirs and setting.key != "name" and not is_open:
            found.append(f"{setting.label} {_format(ours)} (form: {_format(theirs)})")
    return " · ".join(found) or SAME


def _format(value: Value | None) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else sanitize(str(value))
