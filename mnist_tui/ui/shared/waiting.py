"""The text that screens show before the first evaluation: what will appear, and when."""

from mnist_tui.events import Phase
from mnist_tui.render.text import duration, sanitize
from mnist_tui.runs.progress import FORWARD_SHARE
from mnist_tui.ui.session import RunView


def before_the_first_evaluation(view: RunView, what: str) -> str:
    """Return sentences for a run without evaluations; the first begins with `what`, as in "The first matrix comes"."""
    if not view.status.is_live or not view.history.record.config.rolling or view.history.epochs:
        return before_the_first_epoch(view, what)
    full = before_the_first_epoch(view, "The first full evaluation comes")
    return f"{what} with the first rolling evaluation, about a second after the first step. {full}"


def before_the_first_epoch(view: RunView, what: str) -> str:
    """Return a sentence for a run without validated epochs; it begins with `what`."""
    if view.history.failed is not None:
        return f"This run failed before its first validation: {sanitize(view.history.failed.error)}"
    if not view.status.is_live:
        return f"This run {_ended(view)} before its first validation, so there is nothing to show here."
    if view.progress.phase is Phase.VALIDATING:
        return f"{what} when epoch 1 has been validated: that is going on right now."
    seconds = seconds_to_first_validation(view)
    when = (
        "as soon as the training has found its pace, this line says when"
        if seconds is None
        else f"in about {duration(seconds)}"
    )
    return f"{what} when epoch 1 has been validated: {when}."


def seconds_to_first_validation(view: RunView) -> float | None:
    """Return the seconds for the rest of epoch 1 and its validation at the recent speed; None if unknown."""
    started, progress = view.history.started, view.progress
    speed = progress.images_per_second
    if started is None or not speed > 0:
        return None
    left = max(0, started.steps_per_epoch - progress.step) * view.history.record.config.batch_size
    return (left + started.validation_count * FORWARD_SHARE) / speed


def _ended(view: RunView) -> str:
    return "crashed" if view.history.ended is None else str(view.history.ended.reason)
