"""What can be asked of a live engine over its control socket: one JSON line a request, one JSON line (Answer) back.

`by` says who asks, as in "screen on pts/3": it is recorded with what was done, so that several people who watch one run
see who did what.
"""

import msgspec


class Request(msgspec.Struct, frozen=True, tag_field="type"):
    """Base of all requests."""


class Ping(Request, frozen=True, tag="ping"):
    """Are you there? The answer also says what cannot be saved at the moment."""


class Attach(Request, frozen=True, tag="attach"):
    """A screen watches over this connection, for as long as it stays open and pings."""

    by: str


class Pause(Request, frozen=True, tag="pause"):
    """Stand still after the current batch."""

    by: str


class Continue(Request, frozen=True, tag="continue"):
    """Go on: after a pause, or in spite of an alert that waits for a decision."""

    by: str


class Step(Request, frozen=True, tag="step"):
    """Train so many batches and pause again."""

    by: str
    count: int = 1


class Stop(Request, frozen=True, tag="stop"):
    """End the run after the current batch, evaluated and saved; with `now`, at once and unevaluated."""

    by: str
    now: bool = False


class RollBack(Request, frozen=True, tag="roll_back"):
    """Go back to the last good checkpoint and on from there with half the learning rate."""

    by: str


class SaveCheckpoint(Request, frozen=True, tag="save_checkpoint"):
    """Save a checkpoint after the current batch."""

    by: str


class SetEpochs(Request, frozen=True, tag="set_epochs"):
    """Plan another number of epochs: `epochs` in all, or `change` more (fewer) than planned.

    After the planned end, more epochs let an engine that is still there train on.
    """

    by: str
    epochs: int | None = None
    change: int = 0


class SetLearningRate(Request, frozen=True, tag="set_learning_rate"):
    """Set the peak of the learning-rate schedule to `value`, or multiply it by `factor`."""

    by: str
    value: float | None = None
    factor: float = 1.0


class SetEarlyStopping(Request, frozen=True, tag="set_early_stopping"):
    """Change the rule that ends the run early: "off", or as in the setting of the same name ("loss:3")."""

    by: str
    rule: str


class Answer(msgspec.Struct, frozen=True):
    """What the engine says to a request."""

    ok: bool
    error: str = ""
    """A sentence, when it refuses."""
    trouble: str = ""
    """A sentence, while something cannot be saved."""


AnyRequest = (
    Ping
    | Attach
    | Pause
    | Continue
    | Step
    | Stop
    | RollBack
    | SaveCheckpoint
    | SetEpochs
    | SetLearningRate
    | SetEarlyStopping
)
