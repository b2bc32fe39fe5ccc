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


class GivenDigit(msgspec.Struct, frozen=True):
    """A digit that is none of the run's own; `picture` is 784 bytes, 0 paper to 255 ink."""

    picture: bytes
    label: int


class Explain(Request, frozen=True, tag="explain"):
    """Why is this digit read as it is? Answered with an Explanation."""

    split: str
    """train, validation or test; the name of any other set where the digit itself is given."""
    index: int
    """Position in the data set's training (or test) part."""
    digit: GivenDigit | None = None
    """The digit of a set that the engine does not know, to be explained as it is."""


class Neighbour(msgspec.Struct, frozen=True):
    """A digit that looks alike to the network; `picture` is 784 bytes, 0 paper to 255 ink."""

    split: str
    index: int
    label: int
    distance: float
    """1 - cosine of the angle between the features: 0 is the same."""
    picture: bytes


class Variant(msgspec.Struct, frozen=True):
    """The same digit after a small change, and the answer to it."""

    name: str
    predicted: int
    confidence: float
    picture: bytes


class Explanation(msgspec.Struct, frozen=True):
    """All about one digit, by the network of the best epoch so far.

    The maps are 784 signed bytes, relative to the strongest pixel: above 0 spoke for the class, below 0 against it.
    """

    epoch: int
    probabilities: tuple[float, ...]
    for_predicted: bytes
    for_true: bytes
    neighbours: tuple[Neighbour, ...]
    variants: tuple[Variant, ...]


class Reply(msgspec.Struct, frozen=True):
    """What the engine says to a request."""

    ok: bool
    error: str = ""
    """A sentence, when it refuses."""
    trouble: str = ""
    """A sentence, while something cannot be saved."""
    explanation: Explanation | None = None


class JobReport(msgspec.Struct, frozen=True):
    """How far a job beside the training is (see engine/jobs). The last one names the result, or the error."""

    words: str
    share: float
    """Done, 0..1."""
    name: str = ""
    """Of the predictions that were written."""
    error: str = ""


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
    | Explain
)
