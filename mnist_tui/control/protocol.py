"""Messages of the control socket: one JSON line per request, one JSON line per reply.

`by` names the origin of a request, as in "ada, screen on pts/3". The engine records it with each change, so that every
viewer of a run sees who did what.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Weights = int | Literal["best", "current"]
"""Weights of a model: those of the best epoch so far, those that train right now, or those kept of an epoch."""


class Request(msgspec.Struct, frozen=True, tag_field="type"):
    """Base class of all requests."""


class Ping(Request, frozen=True, tag="ping"):
    """Keep-alive message of a viewer."""


class Attach(Request, frozen=True, tag="attach"):
    """Count the sender as a viewer for as long as this connection stays open and sends pings."""

    by: str


class SteeringRequest(Request, frozen=True):
    """Base class of the requests that steer a run. `commands.py` gives each its command-line name and key."""

    by: str


class Pause(SteeringRequest, frozen=True, tag="pause"):
    """Pause after the current batch."""


class Continue(SteeringRequest, frozen=True, tag="continue"):
    """Continue after a pause, or despite an alert that awaits a decision."""


class Step(SteeringRequest, frozen=True, tag="step"):
    """Train `count` batches, then pause."""

    count: int = 1


class Stop(SteeringRequest, frozen=True, tag="stop"):
    """Stop after the current batch, then evaluate and save; with `now`, exit at once."""

    now: Annotated[bool, msgspec.Meta(description="Exit at once, without evaluation.")] = False


class RollBack(SteeringRequest, frozen=True, tag="roll_back"):
    """Return to the last good checkpoint and train on with half the learning rate."""


class SaveCheckpoint(SteeringRequest, frozen=True, tag="save_checkpoint"):
    """Save a checkpoint after the current batch."""


class SetEpochs(SteeringRequest, frozen=True, tag="set_epochs"):
    """Plan `epochs` in total, or `change` more than now. After the planned end, a waiting engine trains on."""

    epochs: int | None = None
    change: int = 0


class SetLearningRate(SteeringRequest, frozen=True, tag="set_learning_rate"):
    """Set the maximum learning rate of the schedule to `value`, or multiply it by `factor`."""

    value: float | None = None
    factor: float = 1.0


class SetEarlyStopping(SteeringRequest, frozen=True, tag="set_early_stopping"):
    """Set the early-stopping rule: "off", or as in the setting of the same name ("loss:3")."""

    rule: str


class SetUntil(SteeringRequest, frozen=True, tag="set_until"):
    """Set the target that ends the run: "off", or as in the setting of the same name ("accuracy:99.5")."""

    target: str


class SetOnEnd(SteeringRequest, frozen=True, tag="set_on_end"):
    """Set the command to run when the run ends: "off", or as in the setting of the same name."""

    command: str


class GivenDigit(msgspec.Struct, frozen=True):
    """A digit of a data set that the engine has not loaded; `image` is a byte per pixel and channel, row by row."""

    image: bytes = msgspec.field(name="picture")
    label: int


class Explain(Request, frozen=True, tag="explain"):
    """Explain the prediction for one digit. The reply carries an Explanation."""

    split: str
    """train, validation or test; the name of another data set if `digit` is given."""
    index: int
    """Position in the data set's training (or test) split."""
    digit: GivenDigit | None = None
    """The digit itself, if its data set is not the run's."""


class Predict(Request, frozen=True, tag="predict"):
    """Predict images of any origin. The reply carries PredictedImages."""

    images: bytes
    """One byte per value, in the shape of the run's images, one image after the other."""
    weights: Weights = "best"


class PredictedImages(msgspec.Struct, frozen=True):
    """Predictions for images.

    The weights of a request give the probabilities. Distances need the features of all validation images, which take
    seconds. For other weights than the best, they are those of the best weights at some earlier epoch, or before the
    first validation those of the weights at that time.
    """

    epoch: int | None
    """Epoch of the weights; None if they are not those of an epoch's end, or if it is unknown."""
    probabilities: tuple[tuple[float, ...], ...]
    """Rows of images, columns of classes."""
    distances: tuple[float, ...]
    """Distance of each image to the validation images, 0..2, by the features of the last hidden layer."""
    limit: float
    """Distance that 99 % of the validation images keep to each other; an image beyond is unlike the training data."""


class Neighbour(msgspec.Struct, frozen=True):
    """A digit with similar features; `image` is a byte per pixel and channel, row by row."""

    split: str
    index: int
    label: int
    distance: float
    """Cosine distance between the features, 0..2."""
    image: bytes = msgspec.field(name="picture")


class Variant(msgspec.Struct, frozen=True):
    """The digit after a small change, and the prediction for it."""

    name: str
    predicted: int
    confidence: float
    image: bytes = msgspec.field(name="picture")


class Explanation(msgspec.Struct, frozen=True):
    """Everything about the prediction for one digit, by the model of the best epoch so far."""

    epoch: int
    probabilities: tuple[float, ...]
    neighbours: tuple[Neighbour, ...]
    variants: tuple[Variant, ...]


class Inspect(Request, frozen=True, tag="inspect"):
    """Compute what becomes of one image in the model, layer by layer. The reply carries an Inspection."""

    image: bytes
    """One byte per value, in the shape of the run's images."""
    layer: str = ""
    """Name of the layer whose outputs and weights are wanted; empty: statistics of all layers, without tensors."""
    channel: int = 0
    """Output channel or unit whose weights are wanted if all of them are too many."""
    weights: Weights = "best"
    member: int = 0
    """Member of an ensemble."""


class Tensor(msgspec.Struct, frozen=True):
    """An array of numbers: float32, little-endian, in C order."""

    shape: tuple[int, ...]
    values: bytes

    def array(self) -> "NDArray[np.float32]":
        """Return it as an array, which cannot be written."""
        import numpy as np

        return np.frombuffer(self.values, dtype="<f4").reshape(self.shape)


class LayerView(msgspec.Struct, frozen=True):
    """Output of one layer for one image, in inference. Shapes have no batch axis."""

    name: str
    kind: str
    """Keras class, as in Conv2D."""
    inputs: tuple[str, ...]
    """Names of the layers whose outputs it takes."""
    shape: tuple[int, ...]
    """Shape of its output."""
    config: dict[str, Any] = {}
    """Entries of Keras' get_config() that are numbers, texts, truth values or lists of them."""
    mean: float | None = None
    """Mean of the outputs; None if there are none."""
    deviation: float | None = None
    dead: float | None = None
    """Share of channels or units that are 0 everywhere, in ReLU layers; else None."""
    histogram: tuple[int, ...] = ()
    """Numbers of outputs in bins of equal width."""
    edges: tuple[float, float] = (0.0, 0.0)
    """Ends of the histogram: the smallest and the largest output."""
    output: Tensor | None = None
    """The output, if the layer was asked for or feeds the one that was."""
    weights: dict[str, Tensor] = {}
    """Weights by their Keras names (kernel, bias, gamma…), if the layer was asked for."""
    channel: int | None = None
    """Output channel or unit that the weights are of; None: of all."""


class Inspection(msgspec.Struct, frozen=True):
    """Outputs of the layers of a model for one image."""

    epoch: int | None
    """Epoch of the weights; None if they are not those of an epoch's end."""
    step: int
    layers: tuple[LayerView, ...]
    """All layers in the model's order, or the layer that was asked for after those that feed it."""
    probabilities: tuple[float, ...]


class Excite(Request, frozen=True, tag="excite"):
    """Find the validation images that excite a channel or unit most. The reply carries Excitations."""

    layer: str
    channel: int
    weights: Weights = "best"
    member: int = 0
    seconds: float = 0.0
    """Time after which the reply comes with what is found so far, so that the sender asks again; 0: no limit."""


class Excitation(msgspec.Struct, frozen=True):
    """An image that excites a channel: the largest value, its cell, and the patch that the cell sees."""

    index: int
    """Position of the image in the data set's training split."""
    label: int
    value: float
    cell: tuple[int, ...]
    """Row and column in the channel's map; empty for a unit without a map."""
    patch: tuple[int, int, int, int]
    """Top, left, bottom (excluded) and right (excluded) of the receptive field, inside the image."""
    image: bytes


class Excitations(msgspec.Struct, frozen=True):
    """The images that excite a channel or unit most, the strongest first."""

    epoch: int | None
    images: tuple[Excitation, ...]
    progress: float = 1.0
    """Fraction of the validation images that were searched, up to 5,000."""


class Project(Request, frozen=True, tag="project"):
    """Project the validation images by the features of the last hidden layer. The reply carries a Projection."""

    weights: Weights = "best"


class Projection(msgspec.Struct, frozen=True):
    """Principal components of the validation images' features; row i of every part is one image."""

    epoch: int | None
    """Epoch of the weights; None if they are not those of an epoch's end."""
    step: int
    indices: tuple[int, ...]
    """Positions of the images in the data set's training split."""
    components: Tensor
    """Coordinates by the leading components, shape (n, at most 32)."""
    shares: tuple[float, ...]
    """Share of the variance that each component has, 0..1."""
    dimensions: int
    """Number of features before the projection."""
    predicted: tuple[int, ...]
    """Predicted classes."""


class Attribute(Request, frozen=True, tag="attribute"):
    """Attribute the prediction for one image to its pixels. The reply carries an Attribution."""

    image: bytes
    """One byte per value, in the shape of the run's images."""
    method: str = "integrated"
    """Name of a method (see METHODS in analysis/attribution.py)."""
    target: int | None = None
    """Class whose log probability is explained; None: the predicted one."""
    layer: str = ""
    """Convolution for Grad-CAM; empty: the last one."""
    weights: Weights = "best"


class Attribution(msgspec.Struct, frozen=True):
    """Share of each pixel in the log probability of a class, by one method."""

    epoch: int | None
    method: str
    target: int
    layer: str
    """Convolution that the map is of; empty for methods without one."""
    layers: tuple[str, ...]
    """Convolutions that can be chosen."""
    map: Tensor
    """Shape (height, width), signed; METHODS (analysis/attribution.py) has the meaning and the unit of a value."""
    probabilities: tuple[float, ...]


class Perturb(Request, frozen=True, tag="perturb"):
    """Search the smallest change of an image that turns its prediction. The reply carries a Perturbation."""

    image: bytes
    """One byte per value, in the shape of the run's images."""
    norm: str = "l2"
    """Measure of a change: l2 or linf (see NORMS in analysis/smallest_change.py)."""
    target: int | None = None
    """Class that the image should be predicted as; None: the most probable one that is not predicted."""
    weights: Weights = "best"


class Perturbation(msgspec.Struct, frozen=True):
    """An image with the smallest change found that turns its prediction."""

    epoch: int | None
    norm: str
    target: int
    image: bytes | None
    """The changed image; None if no change was found."""
    size: float
    """Size of the change by the norm, in grey levels of 255; 0 if none was found."""
    probabilities: tuple[float, ...]
    """Prediction for the original image."""
    changed: tuple[float, ...]
    """Prediction for the changed image; empty if there is none."""


class NextBatch(Request, frozen=True, tag="next_batch"):
    """Show the batch that trains next. The reply carries a BatchView."""


class BatchView(msgspec.Struct, frozen=True):
    """A batch of training images. Of a large batch, it has the first images only."""

    epoch: int
    """Epoch, from 1."""
    batch: int
    """Batch of the epoch, from 1."""
    batches: int
    """Batches of the epoch."""
    size: int
    """Images of the batch, of all processes together."""
    steps_per_execution: int
    shape: tuple[int, ...]
    """Shape of an image: (height, width) or (height, width, 3)."""
    indices: tuple[int, ...]
    """Positions in the data set's training split."""
    labels: tuple[int, ...]
    images: bytes
    """One byte per value, one image after the other, before augmentation."""
    augmented: bytes | None = None
    """The same images as the model takes them; None if they are not augmented."""
    random_layers: tuple[str, ...] = ()
    """Classes of layers that change the images further, within the model."""


Computed = Explain | Predict | Inspect | Excite | Project | Attribute | Perturb | NextBatch
"""Requests that take time to compute."""
Result = Explanation | PredictedImages | Inspection | Excitations | Projection | Attribution | Perturbation | BatchView
"""Content of the replies to them."""


class Reply(msgspec.Struct, frozen=True):
    """The engine's reply to a request."""

    ok: bool
    error: str = ""
    """The reason, if the request was not carried out."""
    save_error: str = msgspec.field(default="", name="trouble")
    """The reason why something cannot be saved; empty if all is saved."""
    explanation: Explanation | None = None
    predictions: PredictedImages | None = None
    inspection: Inspection | None = None
    excitations: Excitations | None = None
    projection: Projection | None = None
    attribution: Attribution | None = None
    perturbation: Perturbation | None = None
    batch: BatchView | None = None

    def with_result(self, result: Result) -> "Reply":
        """Return the same reply with a result."""
        return msgspec.structs.replace(self, **{RESULT_FIELDS[type(result)]: result})


RESULT_FIELDS: dict[type[Result], str] = {
    Explanation: "explanation",
    PredictedImages: "predictions",
    Inspection: "inspection",
    Excitations: "excitations",
    Projection: "projection",
    Attribution: "attribution",
    Perturbation: "perturbation",
    BatchView: "batch",
}
"""Field of Reply for each type of result."""
