"""Check process of an own model: python -m mnist_tui.engine.jobs.check_model FOLDER (see control/model_check.py).

It builds the model, tries it on random images, trains two steps as the run would, and saves and loads it.
"""

import contextlib
import faulthandler
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import msgspec
import numpy as np

from mnist_tui.config import ConfigError, DataFacts, ModelChoice, RunConfig
from mnist_tui.control.model_check import MOST_SECONDS, REQUEST, RESULT, CheckRequest, CheckResult
from mnist_tui.engine import backends
from mnist_tui.engine.hardware import detection
from mnist_tui.runs.directory import RunError
from mnist_tui.streams import open_closed_streams

EXAMPLES = 32
"""Random images of the trial."""
KILL_SECONDS = 10.0
"""Time after the limit after which code that does not return to Python is killed."""
MAX_WEIGHTS_NAMED = 3
SUM_ERROR = 1e-3
"""Largest difference from 1 of the sum of an image's probabilities."""


def check(request: CheckRequest, limited: Callable[[], contextlib.AbstractContextManager[None]]) -> tuple[str, ...]:
    """Return sentences about a model that can be trained; raises ConfigError or RunError.

    Args:
        request: The run's settings and the shape of its data.
        limited: Context in which the user's code runs with a time limit.
    """
    from mnist_tui.engine.models.own_model import OwnModel

    config, facts = request.config, request.facts
    own = OwnModel(str(config.model))
    with limited():
        own.load_objects()
    with limited():
        model = own.build(facts.image_shape, facts.classes)
    notes = _notes(own, model)
    _check_form(own, model)
    images, targets = _examples(facts)
    try:
        _check_predictions(own, model, images)
        _check_gradients(own, model, images, targets)
        _check_saving(own, images, facts)
        _check_training(own, config, facts, targets)
    except (ConfigError, RunError):
        raise
    except Exception as error:
        raise own.raised(error) from error
    return notes


def _check_form(own: Any, model: Any) -> None:
    from keras.losses import CategoricalCrossentropy

    from mnist_tui.engine.models.own_model import own_loss

    if not model.trainable_variables:
        raise own.refusal("the model has no trainable weights: give it a layer with some, such as Dense")
    loss = own_loss(model)
    if isinstance(loss, CategoricalCrossentropy) and getattr(loss, "from_logits", False):
        raise own.refusal(
            "the loss has from_logits=True, but a model returns probabilities here: leave from_logits out, and end with"
            ' activation="softmax"'
        )


def _examples(facts: DataFacts) -> tuple[Any, Any]:
    """Return random images of several contrasts `(n, height, width, channels) float32`, and one-hot labels."""
    random = np.random.default_rng(0)
    contrasts = np.resize(np.array([1, 1 / 4, 1 / 16, 1 / 256]), (EXAMPLES, 1, 1, 1))
    images = np.rint(random.integers(0, 256, (EXAMPLES, *facts.image_shape)) * contrasts).astype(np.float32)
    return images, np.eye(facts.classes, dtype=np.float32)[np.arange(EXAMPLES) % facts.classes]


def _check_predictions(own: Any, model: Any, images: Any) -> None:
    predicted = np.asarray(model.predict(images, verbose=0), np.float64)
    if not np.isfinite(predicted).all():
        raise own.refusal(
            "the model predicts NaN or infinity for random images: begin with Rescaling(1 / 255), as pixels are 0..255"
        )
    sums = predicted.sum(axis=1)
    worst = sums[np.abs(sums - 1).argmax()]
    if abs(worst - 1) > SUM_ERROR or predicted.min() < 0:
        found = f"sum to {worst:.3g}" if abs(worst - 1) > SUM_ERROR else f"go down to {predicted.min():.3g}"
        raise own.refusal(
            f"the model's predictions of an image {found}, but they must be probabilities, which are at least 0 and"
            ' sum to 1: end with activation="softmax"'
        )


def _check_gradients(own: Any, model: Any, images: Any, targets: Any) -> None:
    """Raise ConfigError unless the loss depends on every trainable weight, in training or in prediction."""
    import keras

    from mnist_tui.engine.models.own_model import own_loss

    weights = model.get_weights()
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:  # weights that start at 0 can hide others
        variable.assign(np.asarray(variable) + random.normal(0, 0.05, variable.shape))
    model.compile(keras.optimizers.SGD(1.0), own_loss(model) or keras.losses.CategoricalCrossentropy())
    gradients, _ = backends.current().probe(model)(images, targets)
    before = backends.current().fetch(model.trainable_variables)
    model.train_on_batch(images, targets)
    after = backends.current().fetch(model.trainable_variables)
    still = [
        variable
        for variable, gradient, old, new in zip(model.trainable_variables, gradients, before, after, strict=True)
        if not gradient.any() and np.array_equal(old, new)
    ]
    model.set_weights(weights)
    if still:
        names = ", ".join(variable.path for variable in still[:MAX_WEIGHTS_NAMED])
        more = f" and {len(still) - MAX_WEIGHTS_NAMED} more" if len(still) > MAX_WEIGHTS_NAMED else ""
        owner = next(
            (
                layer
                for layer in model._flatten_layers()
                if any(each is still[0] for each in layer._trainable_variables)
            ),
            None,
        )
        raise own.refusal(
            f"no gradient reaches {names}{more}: use the weight on the way from the images to the probabilities, with"
            " operations that have a gradient, or set trainable=False",
            owner if _is_own(owner) else None,
        )


def _check_saving(own: Any, images: Any, facts: DataFacts) -> None:
    """Raise ConfigError unless the model is the same after it was saved and loaded as a run does."""
    import keras

    model = own.build(facts.image_shape, facts.classes)
    culprit = next((layer for layer in model._flatten_layers() if _is_own(layer)), None)
    fix = "let __init__() take **kwargs for its base class, and get_config() return all its arguments"
    try:
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.keras")
            again = keras.saving.load_model(Path(folder) / "model.keras", safe_mode=True)
        same = np.allclose(again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-4)
    except Exception as error:
        from mnist_tui.engine.models.own_model import message_of

        raise own.refusal(f"the model cannot be saved and loaded again{message_of(error)}: {fix}", culprit) from None
    if not same:
        raise own.refusal(f"the model predicts otherwise after it was saved and loaded: {fix}", culprit)


def _check_training(own: Any, config: RunConfig, facts: DataFacts, targets: Any) -> None:
    """Train two steps as the run does, with its precision and compiler; raises ConfigError."""
    from mnist_tui.engine.backends.backend import Feed
    from mnist_tui.engine.backends.runtime import prepare_machine
    from mnist_tui.engine.distribution import Distribution
    from mnist_tui.engine.models.compiled import CompiledModel

    config = msgspec.structs.replace(config, steps_per_execution=1)
    machine = prepare_machine(config)
    compiled = CompiledModel(config, 0, machine, facts, Distribution())
    images = np.random.default_rng(1).integers(0, 256, (EXAMPLES, *facts.image_shape)).astype(np.uint8)
    batches = backends.current().batches(Feed(images, targets, EXAMPLES // 2))
    history = compiled.model.fit(batches, verbose=0, shuffle=False).history
    if not np.isfinite(history["loss"][-1]):
        raise own.refusal(
            f"the loss is {history['loss'][-1]} after two steps: begin with Rescaling(1 / 255), or give a lower"
            " --learning-rate"
        )


def _notes(own: Any, model: Any) -> tuple[str, ...]:
    kinds = {type(layer) for layer in model._flatten_layers() if _is_own(layer)}
    optimizer = getattr(model, "optimizer", None)
    notes = []
    if kinds:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        notes.append(f"stock Keras loads model.keras once {own.file_name} is imported, which defines {names}")
    if optimizer is not None and type(optimizer).__name__ != "RMSprop":  # what compile() takes without an optimizer
        notes.append(
            f"the model's loss is used, its optimizer {type(optimizer).__name__} is not: give --optimizer and"
            " --learning-rate"
        )
    return tuple(notes)


def _is_own(layer: Any) -> bool:
    return layer is not None and not type(layer).__module__.startswith("keras.")


class Reporter:
    """Writer of the result, by this process only: the user's code may have forked."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pid = folder, os.getpid()

    def end(self, result: CheckResult) -> NoReturn:
        """Write the result and exit without waiting for threads that the user's code started."""
        if os.getpid() == self._pid:
            temporary = self._folder / f"{RESULT}.part"
            temporary.write_bytes(msgspec.json.encode(result))
            temporary.replace(self._folder / RESULT)
        os._exit(0)


@contextlib.contextmanager
def time_limit(seconds: float, name: str, folder: Path, report: Reporter) -> Iterator[None]:
    """End the process with an error if the block takes longer, which names the line of the user's code."""

    def expired(_: int, frame: FrameType | None) -> None:
        while frame is not None and not Path(frame.f_code.co_filename).is_relative_to(folder):
            frame = frame.f_back
        where = f"{frame.f_code.co_filename}, line {frame.f_lineno}" if frame is not None else name
        report.end(
            CheckResult(f"model {where}: the code has not returned after {seconds:g} s: let it build the model only")
        )

    signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + KILL_SECONDS, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)


def main(path: str) -> NoReturn:
    """Check the model of a request and write the result beside it."""
    open_closed_streams()
    folder = Path(path)
    report = Reporter(folder)
    request = msgspec.json.decode((folder / REQUEST).read_bytes(), type=CheckRequest)
    choice = ModelChoice.parse(str(request.config.model))
    try:
        detection.lower_priority()
        backends.select(request.config.backend)
        detection.restrict_gpus(request.config.device)
        backends.import_keras()
        limit = (request.code_seconds, choice.name, choice.path.parent, report)
        notes = check(request, lambda: time_limit(*limit))
    except (ConfigError, RunError) as error:
        report.end(CheckResult(str(error)))
    except BaseException as error:
        report.end(CheckResult(f"model {choice.name} cannot be checked ({type(error).__name__}: {error})"))
    report.end(CheckResult(notes=notes))


if __name__ == "__main__":
    main(sys.argv[1])
