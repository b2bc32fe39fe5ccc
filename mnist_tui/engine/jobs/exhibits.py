"""Exhibits of the textbook, computed with copies of a run's model on its own images.

The trained ones compare copies with the same initial weights, the same batches and the same dropout. Plain SGD changes
a weight by its gradient times the learning rate, so gradients are read off its steps, in training mode.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import DataFacts, RunConfig
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.backends.runtime import plan_job
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.augmentation import warped_images
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.models.architecture import is_relu
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.inference import member_models
from mnist_tui.engine.models.own_model import own_loss
from mnist_tui.engine.models.presets import preset_of
from mnist_tui.engine.recording.checkpoints import example_order
from mnist_tui.engine.training.feed import epoch_order
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.exhibits import Chart, Exhibit, Images, Series, write_exhibit
from mnist_tui.untrusted import sanitize

MOST_STEPS, FEWEST_STEPS = 60, 8
BATCH_SIZE = 64
SECONDS = 20.0
"""Time for all copies together, from which the number of steps follows."""
TIMED_STEPS = 3
"""Steps that are timed, after one that compiles."""
PROBE_SIZE = 64
BINS = 32
SHOWN_IMAGES = 8
SGD_RATE = 0.05
ADAM_RATE = 0.001
CURVED = ("relu", "tanh", "sigmoid", "elu", "gelu", "silu")
"""Activations that the gradient's exhibit replaces."""

Floats = NDArray[np.float32]
Making = Generator[JobReport, None, Exhibit]
"""Progress reports, and the exhibit at the end."""


@dataclass(frozen=True)
class Lesson:
    """A run's settings, and the images that its exhibits train on."""

    config: RunConfig
    facts: DataFacts
    digits: Digits
    """Training images in the order of the first epoch."""

    def batch(self, step: int) -> tuple[Floats, Floats]:
        """Return images `(n, height, width, channels)` and one-hot labels of a step; the images repeat."""
        rows = np.arange(step * BATCH_SIZE, (step + 1) * BATCH_SIZE) % len(self.digits)
        taken = self.digits.take(rows)
        return pixels(taken.images), one_hot(taken.labels, self.facts.classes)

    def model(self, change: Callable[[Any], Any] | None = None) -> Any:
        """Return a new model of the run, the same at each call; `change` may replace its layers."""
        keras.utils.set_random_seed(self.config.seed)
        model = preset_of(self.config, 0).build(self.facts.image_shape, self.facts.classes)
        if change is None:
            return model
        copy = keras.models.clone_model(model, clone_function=change)
        for layer in copy.layers:  # one by one: a replaced layer has no weights
            original = model.get_layer(layer.name)
            if layer.weights and type(layer) is type(original):
                layer.set_weights(original.get_weights())
        return copy

    def train(self, model: Any, optimizer: Any, steps: int) -> Iterator[tuple[float, list[Floats]]]:
        """Yield each step's loss and the change of each trainable weight."""
        preset = preset_of(self.config, 0)
        loss = own_loss(model) if self.config.model else None
        default = keras.losses.CategoricalCrossentropy(label_smoothing=preset.label_smoothing)
        model.compile(optimizer=optimizer, loss=loss or default, jit_compile=False)
        before = weights_of(model)
        for step in range(steps):
            model.reset_metrics()
            value = float(model.train_on_batch(*self.batch(step)))
            after = weights_of(model)
            yield value, [new - old for new, old in zip(after, before, strict=True)]
            before = after


def weights_of(model: Any) -> list[Floats]:
    """Return copies of the trainable weights."""
    return [np.array(keras.ops.convert_to_numpy(each), np.float32) for each in model.trainable_variables]


def norm(changes: list[Floats]) -> float:
    """Return the Euclidean norm over all weights."""
    return float(np.sqrt(sum(float((each.astype(np.float64) ** 2).sum()) for each in changes)))


def planned_steps(lesson: Lesson, copies: int) -> int:
    """Return the number of steps that `copies` models can train in SECONDS; times a few steps."""
    began = 0.0
    for step, _ in enumerate(lesson.train(lesson.model(), keras.optimizers.SGD(0.0), 1 + TIMED_STEPS)):
        began = began or time.monotonic()
        if step == TIMED_STEPS:
            break
    each = (time.monotonic() - began) / TIMED_STEPS
    return int(np.clip(SECONDS / copies / max(each, 1e-6), FEWEST_STEPS, MOST_STEPS))


def compute_exhibit(run: RunDirectory, name: str, step: int) -> Iterator[JobReport]:
    """Compute an exhibit of EXHIBITS for a run at a step, and keep it. Raise ConfigError, RunError or OSError."""
    began = time.monotonic()
    config = run.record().config
    backends.current().prepare(plan_job(config))
    yield JobReport("loading the images", 0.05)
    data, split = datasets.load_of_run(config)
    order = example_order(config.seed, 0, len(split.train))[: MOST_STEPS * BATCH_SIZE]
    lesson = Lesson(config, data.facts, split.train.take(order))
    if name == "relu":
        exhibit = yield from relu_exhibit(run, split.validation)
    elif name == "augmentation":
        exhibit = augmentation_exhibit(config, split.train, step)
    else:
        exhibit = yield from TRAINED_EXHIBITS[name](lesson)
    seconds = time.monotonic() - began
    write_exhibit(run, name, msgspec.structs.replace(exhibit, step=step, seconds=seconds))
    yield JobReport("done", 1.0)


def relu_exhibit(run: RunDirectory, validation: Digits) -> Making:
    """Return the histogram of each ReLU layer's pre-activations by the best model."""
    if not run.model_path.is_file():
        raise RunError(f"run {run.id} has no model.keras yet: wait for its first epoch")
    yield JobReport("loading the model", 0.3)
    model = member_models(keras.saving.load_model(run.model_path, safe_mode=True))[0]
    images = pixels(validation.images[:PROBE_SIZE])
    found = pre_activations(model, images)
    if not found:
        raise RunError("this model has no ReLU: open the page of a run of fast, reference, best or mlp")
    charts = []
    for name, values in found.items():
        low, high = float(values.min()), float(values.max())
        counts, _ = np.histogram(values, BINS, (low, high) if high > low else (low - 1, low + 1))
        title = f"{sanitize(name)}: {(values <= 0).mean():.0%} of its pre-activations are cut off"
        series = Series("share of all values", tuple((counts / values.size).tolist()))
        charts.append(Chart(title, (series,), edges=(low, high)))
    note = f"Pre-activations for {len(images)} validation images, by the model of the best epoch."
    return Exhibit(note, charts=tuple(charts))


def pre_activations(model: Any, images: Floats) -> dict[str, Floats]:
    """Return what goes into each ReLU of a model, by the name of its layer; both for layers and for activations."""
    taken = [layer for layer in model.layers if is_relu(layer)]
    if not taken:
        return {}
    inputs = keras.Model(model.inputs[0], [layer.input for layer in taken])(images, training=False)
    found = {}
    for layer, values in zip(taken, inputs if isinstance(inputs, list | tuple) else [inputs], strict=True):
        if not isinstance(layer, keras.layers.ReLU | keras.layers.Activation):
            activation, layer.activation = layer.activation, keras.activations.linear
            values = layer(values)
            layer.activation = activation
        found[layer.name] = np.asarray(keras.ops.convert_to_numpy(values), np.float32)
    return found


def augmentation_exhibit(config: RunConfig, train: Digits, step: int) -> Exhibit:
    """Return the first images of the batch that follows a step, before and after augmentation."""
    own = preset_of(config, 0).augmentation
    steps_per_epoch = -(-len(train) // config.batch_size)
    epoch, batch = divmod(step, steps_per_epoch)
    shown = slice(batch * config.batch_size, batch * config.batch_size + SHOWN_IMAGES)
    order = epoch_order(config, train, len(train), epoch, own or Augmentation())
    assert order.warps is not None
    rows = order.rows[shown]
    images = train.images[rows]
    after = warped_images(images, order.warps[shown])
    labels = tuple(map(int, train.labels[rows]))
    note = f"The first {len(rows)} of {config.batch_size} images of batch {batch + 1:,} of epoch {epoch + 1}."
    if own is None:
        note += " This run trains on them unchanged; below is what the preset best would do to them."
    return Exhibit(note, images=Images(images.shape[1:], labels, images.tobytes(), after.tobytes()))


def gradient_exhibit(lesson: Lesson) -> Making:
    """Return the gradient norm of each layer with ReLUs and with sigmoids, on the first batch."""
    norms = {}
    for number, activation in enumerate(("relu", "sigmoid")):
        yield JobReport(f"one batch through {activation}s", 0.3 + 0.3 * number)
        norms[activation] = layer_gradients(lesson, activation)
    series = []
    for activation, found in norms.items():
        last = list(found.values())[-1]
        series.append(Series(activation, tuple(value / last if last else 0.0 for value in found.values())))
    title = "Norm of the gradient of each layer's weights, the last layer's = 1 (logarithmic)"
    note = f"Initial weights of this run, its first {BATCH_SIZE} training images, one backward pass."
    chart = Chart(title, tuple(series), tuple(map(sanitize, norms["relu"])), log=True)
    return Exhibit(note, charts=(chart,))


def layer_gradients(lesson: Lesson, activation: str) -> dict[str, float]:
    """Return the norm of each layer's gradient on the first batch, with all activations but softmax replaced."""
    model = lesson.model(lambda layer: with_activation(layer, activation))
    ((_, changes),) = lesson.train(model, keras.optimizers.SGD(1.0), 1)
    found: dict[str, list[Floats]] = {}
    place = 0
    for layer in model.layers:
        for _ in layer.trainable_variables:
            found.setdefault(layer.name, []).append(changes[place])
            place += 1
    kernels = {name for name, each in found.items() if any(change.ndim > 1 for change in each)}
    return {name: norm(each) for name, each in found.items() if name in kernels}


def is_curved(layer: Any) -> bool:
    """Return True for a layer that applies one of CURVED."""
    return getattr(getattr(layer, "activation", None), "__name__", "") in CURVED or type(layer) is keras.layers.ReLU


def with_activation(layer: Any, activation: str) -> Any:
    """Return a copy of a layer with another activation in place of a curved one."""
    if type(layer) is keras.layers.ReLU:
        return keras.layers.Activation(activation, name=layer.name)
    config = layer.get_config()
    return type(layer).from_config(config | {"activation": activation} if is_curved(layer) else config)


def normalization_exhibit(lesson: Lesson) -> Making:
    """Return gradient norms and losses of two short runs, with and without batch normalisation."""
    batch_normalization = keras.layers.BatchNormalization
    if not any(isinstance(layer, batch_normalization) for layer in lesson.model().layers):
        raise RunError("this model has no batch normalisation: open the page of a run of fast, reference or best")

    def without(layer: Any) -> Any:
        if isinstance(layer, batch_normalization):
            return keras.layers.Activation("linear", name=layer.name)
        return type(layer).from_config(layer.get_config())

    steps = planned_steps(lesson, 2)
    norms, losses = [], []
    for number, (words, model) in enumerate((("with", lesson.model()), ("without", lesson.model(without)))):
        trained = yield from followed(lesson, model, keras.optimizers.SGD(SGD_RATE), steps, words, number / 2, 0.5)
        norms.append(Series(words, tuple(norm(changes) / SGD_RATE for _, changes in trained)))
        losses.append(Series(words, tuple(loss for loss, _ in trained)))
    note = (
        f"{steps} steps of plain SGD, learning rate {SGD_RATE}, batches of {BATCH_SIZE}, from the same initial weights."
    )
    charts = (
        Chart("Norm of the gradient by step (logarithmic)", tuple(norms), log=True),
        Chart("Loss by step", tuple(losses)),
    )
    return Exhibit(note, charts=charts)


def optimizer_exhibit(lesson: Lesson) -> Making:
    """Return losses, distances and step sizes of plain SGD, momentum and Adam from the same start."""
    optimizers = {
        f"SGD {SGD_RATE}": keras.optimizers.SGD(SGD_RATE),
        f"momentum 0.9, {SGD_RATE}": keras.optimizers.SGD(SGD_RATE, momentum=0.9),
        f"Adam {ADAM_RATE}": keras.optimizers.Adam(ADAM_RATE),
    }
    steps = planned_steps(lesson, len(optimizers))
    losses, distances, paths, sizes = [], [], [], []
    for number, (words, optimizer) in enumerate(optimizers.items()):
        begun, share = number / len(optimizers), 1 / len(optimizers)
        trained = yield from followed(lesson, lesson.model(), optimizer, steps, words, begun, share)
        total = [np.zeros_like(each) for each in trained[0][1]]
        travelled: list[float] = []
        distance: list[float] = []
        for _, changes in trained:
            total = [sum_ + change for sum_, change in zip(total, changes, strict=True)]
            distance.append(norm(total))
            travelled.append((travelled[-1] if travelled else 0.0) + norm(changes))
        losses.append(Series(words, tuple(loss for loss, _ in trained)))
        distances.append(Series(words, tuple(distance)))
        paths.append(Series(words, tuple(travelled)))
        last = np.abs(np.concatenate([each.ravel() for each in trained[-1][1]]))
        sizes.append(Series(words, tuple(np.quantile(last, (0.1, 0.5, 0.9)).astype(float).tolist())))
    note = f"{steps} steps of this run's model on its training images, batches of {BATCH_SIZE}, same initial weights."
    quantiles = ("10 % are smaller", "median", "10 % are larger")
    charts = (
        Chart("Loss by step", tuple(losses)),
        Chart("Distance from the start by step: norm over all weights", tuple(distances)),
        Chart("Length of the path by step: the sum of all steps' norms", tuple(paths)),
        Chart("Size of a single weight's step, the last one (logarithmic)", tuple(sizes), quantiles, log=True),
    )
    return Exhibit(note, charts=charts)


def followed(
    lesson: Lesson, model: Any, optimizer: Any, steps: int, words: str, begun: float, share: float
) -> Generator[JobReport, None, list[tuple[float, list[Floats]]]]:
    """Train, report the progress and the seconds left, and return losses and changes of all steps."""
    trained = []
    first = time.monotonic()
    for each in lesson.train(model, optimizer, steps):
        trained.append(each)
        done = len(trained)
        left = (time.monotonic() - first) / done * (steps - done)
        yield JobReport(f"{words}: step {done} of {steps}, {left:.0f} s left", begun + share * done / steps)
    return trained


TRAINED_EXHIBITS: dict[str, Callable[[Lesson], Making]] = {
    "gradient": gradient_exhibit,
    "batch-normalization": normalization_exhibit,
    "optimizers": optimizer_exhibit,
}
