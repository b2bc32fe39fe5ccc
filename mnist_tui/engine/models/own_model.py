"""Own models: a user's function or a saved model in place of a preset's network.

The checks here are cheap and hold whenever a model is built. jobs/check_model.py makes the others before a run.
"""

import importlib.util
import inspect
import json
import re
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
from keras.src.utils.naming import reset_uids  # Keras exports get_uid only

from mnist_tui.config import ConfigError, ModelChoice, shortened
from mnist_tui.engine.models.networks import Shape
from mnist_tui.engine.models.source_code import is_functional

MAX_CONFIG_BYTES = 1 << 24
"""Bytes of a saved model's description, unpacked."""
MAX_UNPACKED_BYTES = 1 << 31
"""Bytes of a saved model, unpacked."""
LONGEST_MESSAGE = 140
"""Characters that are shown of the message of another error."""
LAMBDA = "the model has a Lambda layer, which is not safe to load: write a class that derives from keras.layers.Layer"


class OwnModel:
    """A user's model, which is built as often as an ensemble or a resumed run needs it."""

    def __init__(self, text: str) -> None:
        """Take a model that ModelChoice parses."""
        self._choice = ModelChoice.parse(text)

    def build(self, shape: Shape, classes: int) -> Any:
        """Return a Functional or Sequential model for images of a shape, compiled if the function compiles it.

        Raises:
            ConfigError: The model cannot be built or has another form. The message names the file and the line.
        """
        reset_uids()  # so that layers without a name have the same one each time
        model = self._call(shape, classes) if self._choice.function else self._load()
        return self._fitting(model, shape, classes)

    def load_objects(self) -> None:
        """Import the file and let Keras know its classes and functions, so that it loads models with them."""
        if self._choice.function:
            self._module()

    @property
    def file_name(self) -> str:
        """Name of the file without its folder."""
        return self._choice.path.name

    def where(self, made: Any = None) -> str:
        """Return the file as an error names it, with the line that defines a function, a class or its instance."""
        if made is None and self._choice.function:
            made = getattr(sys.modules.get(self._name), self._choice.function, None)
        made = made if inspect.isclass(made) or inspect.isroutine(made) else type(made)
        try:
            lines, first = inspect.getsourcelines(made)
            if Path(inspect.getsourcefile(made) or "").resolve().is_relative_to(self._choice.path.parent.resolve()):
                at = next((place for place, line in enumerate(lines) if re.match(r"\s*(def|class)\b", line)), 0)
                return f"{inspect.getsourcefile(made)}, line {first + at}"
        except (OSError, TypeError):
            pass
        return str(self._choice.path)

    def refusal(self, reason: str, made: Any = None) -> ConfigError:
        """Return an error about the model that names its file, and the line of a function or class."""
        return ConfigError(f"model {self.where(made)}: {reason}")

    def raised(self, error: BaseException) -> ConfigError:
        """Return an error about an exception that the user's code raised, or Keras in it, with the line."""
        line = next(self._lines(error), None)
        path, number = line or (str(self._choice.path), 0)
        if isinstance(error, SyntaxError) and error.filename:
            path, number = error.filename, error.lineno or 0
        at = f", line {number}" if number else ""
        if isinstance(error, FileNotFoundError) and Path(str(error.filename)).is_relative_to(self._choice.path.parent):
            name = Path(str(error.filename)).name
            return ConfigError(
                f"model {path}{at}: opens {name} beside it, which a run does not keep: open it by its full path"
            )
        what = "calls sys.exit" if isinstance(error, SystemExit) else f"raises {type(error).__name__}"
        return ConfigError(f"model {path}{at}: {what}{message_of(error)}")

    @property
    def _name(self) -> str:
        """Name of the module: that of the file, unless a module of that name is there already."""
        stem, path = self._choice.path.stem, str(self._choice.path)
        known = sys.modules.get(stem)
        is_free = known is None or getattr(known, "__file__", None) == path or hasattr(known, "__mnist_tui_model__")
        return stem if is_free and stem not in sys.stdlib_module_names else f"model_{stem}"

    def _module(self) -> ModuleType:
        path = self._choice.path
        known = sys.modules.get(self._name)
        if known is not None and getattr(known, "__file__", None) == str(path):
            return known
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))  # as Python does for a script
        spec = importlib.util.spec_from_file_location(self._name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        module.__dict__["__mnist_tui_model__"] = True
        sys.modules[self._name] = module
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # beside the run's copy
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            sys.modules.pop(self._name, None)
            if isinstance(error, OSError) and error.filename == str(path):
                raise ConfigError(f"model {path} cannot be read ({error.strerror}): restore it") from None
            raise self.raised(error) from error
        finally:
            sys.dont_write_bytecode = writes_bytecode
        keras.saving.get_custom_objects().update(self._objects())
        return module

    def _objects(self) -> dict[str, Any]:
        """Return the classes and functions that the file and the modules beside it define, by name."""
        folder = self._choice.path.parent
        modules = [
            each
            for each in list(sys.modules.values())
            if Path(getattr(each, "__file__", None) or "/").is_relative_to(folder)
        ]
        return {
            name: made
            for module in modules
            for name, made in vars(module).items()
            if getattr(made, "__module__", None) == module.__name__
            and (inspect.isclass(made) or (inspect.isfunction(made) and not hasattr(keras.activations, name)))
        }

    def _call(self, shape: Shape, classes: int) -> Any:
        module, name = self._module(), self._choice.function
        function = getattr(module, name, None)
        if not callable(function):
            defined = [
                each
                for each, made in vars(module).items()
                if inspect.isfunction(made) and made.__module__ == module.__name__
            ]
            has = f"it defines {', '.join(defined)}" if defined else "it defines none"
            raise ConfigError(f"model {self._choice.path}: there is no function {name}: {has}")
        try:
            inspect.signature(function).bind(shape, classes)
        except TypeError as error:
            raise self.refusal(
                f"{name}() is called with (input_shape, classes), which it does not take: {error}"
            ) from None
        try:
            model = function(shape, classes)
        except BaseException as error:
            raise self.raised(error) from error
        if not isinstance(model, keras.Model):
            fix = "end it with `return model`" if model is None else "let it return a keras.Model"
            raise self.refusal(f"{name}() returns {shortened(repr(model))}: {fix}")
        return model

    def _load(self) -> Any:
        path = self._choice.path
        _check_archive(path)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            missing = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
            if missing:
                raise ConfigError(
                    f"model {path} has a layer of its own, {missing[1]}: give the FILE.py:FUNCTION that builds it"
                ) from None
            raise ConfigError(f"model {path} cannot be loaded{message_of(error)}: save it again with Keras") from None

    def _fitting(self, model: Any, shape: Shape, classes: int) -> Any:
        """Return the model in a form with known layers, for images of this shape; raises ConfigError."""
        overridden = [
            name
            for name in ("train_step", "compute_loss")
            if getattr(type(model), name) is not getattr(keras.Model, name)
        ]
        if overridden:
            raise self.refusal(
                f"{type(model).__name__} has its own {overridden[0]}(), which a run does not call: give the loss to"
                " compile(), or let a layer call add_loss()",
                model,
            )
        try:
            model = self._with_graph(model, shape)
        except Exception as error:
            raise self.raised(error) from error
        if any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers()):
            raise self.refusal(LAMBDA)
        if len(model.inputs) != 1:
            names = ", ".join(each.name for each in model.inputs)
            raise self.refusal(
                f"the model has {len(model.inputs)} inputs ({names}), but a run gives one, the images:"
                " build all of it from one keras.Input(input_shape)"
            )
        batch, *takes = model.inputs[0].shape
        if batch is not None or tuple(takes) != tuple(shape):
            raise self.refusal(
                f"the model takes {_in_words((batch, *takes))}, but the images are {_in_words((None, *shape))}:"
                " begin with keras.Input(input_shape)"
            )
        if len(model.outputs) != 1:
            raise self.refusal(f"the model has {len(model.outputs)} outputs: let it return the probabilities only")
        if tuple(model.outputs[0].shape) != (None, classes):
            raise self.refusal(
                f"the model returns {_in_words(model.outputs[0].shape)}, but the data have {classes} classes:"
                ' end with Dense(classes, activation="softmax") on flat features'
            )
        return model

    def _with_graph(self, model: Any, shape: Shape) -> Any:
        is_known = isinstance(model, keras.Sequential) or is_functional(model)
        if isinstance(model, keras.Sequential) and not model.built:
            model.build((None, *shape))
        if not is_known:
            inputs = keras.Input(shape)
            return keras.Model(inputs, model(inputs), name=model.name)
        if len(model.inputs) != 1:
            return model
        takes = model.inputs[0].shape[1:]
        fits = len(takes) == len(shape) and all(axis in (None, size) for axis, size in zip(takes, shape, strict=True))
        if fits and None in takes:  # a model for images of any size
            copy = keras.models.clone_model(model, input_tensors=keras.Input(shape))
            copy.set_weights(model.get_weights())
            return copy
        return model

    def _lines(self, error: BaseException) -> Iterator[tuple[str, int]]:
        """Yield the file and line of every frame in the user's code, the innermost first."""
        folder = self._choice.path.parent
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).is_relative_to(folder):
                yield frame.filename, frame.lineno or 0


def own_loss(model: Any) -> Any:
    """Return the loss that a function compiled its model with, over one-hot labels; None for the recipe's."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if (
        isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
        or loss is keras.losses.sparse_categorical_crossentropy
    ):
        from_logits = getattr(loss, "from_logits", False)
        return keras.losses.CategoricalCrossentropy(from_logits=from_logits)  # the same for one-hot labels
    return loss if loss is None or isinstance(loss, keras.losses.Loss) else FunctionLoss(loss)


class FunctionLoss(keras.losses.Loss):  # type: ignore[misc, unused-ignore]
    """Mean over the examples of a function (labels, predictions) -> loss of each example."""

    def __init__(self, function: Any) -> None:
        super().__init__(name="own_loss")
        self._function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred)


def message_of(error: BaseException) -> str:
    """Return ": " and the first line of an error's message that says something; empty without a message."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).rpartition("Exception encountered: ")[2]
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    if lines and lines[0].startswith("Exception encountered when calling"):
        lines = lines[1:]
    if lines and lines[0].startswith("in user code"):  # TensorFlow puts a traceback there
        lines = [lines[-1].partition(": ")[2] or lines[-1]]
    return f": {lines[0][:LONGEST_MESSAGE].rstrip('.:')}" if lines else ""


def _check_archive(path: Path) -> None:
    """Raise ConfigError for a file that is no saved model, unpacks to too much, or has a Lambda layer."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist())
            if size > MAX_UNPACKED_BYTES or archive.getinfo("config.json").file_size > MAX_CONFIG_BYTES:
                raise ConfigError(
                    f"model {path} unpacks to {size >> 20:,} MB: give one below {MAX_UNPACKED_BYTES >> 20:,} MB"
                )
            described = json.loads(archive.read("config.json"))
    except (
        OSError,
        KeyError,
        ValueError,
        RecursionError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        raise ConfigError(
            f"model {path} is not a saved Keras model{message_of(error)}: save it with model.save()"
        ) from None
    if "Lambda" in _classes(described):
        raise ConfigError(f"model {path}: {LAMBDA}")


def _classes(described: Any) -> set[str]:
    """Return the names of all classes in a saved model's description."""
    found, left = set[str](), [described]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            found.add(str(each.get("class_name")))
            left += each.values()
        elif isinstance(each, list):
            left += each
    return found


def _in_words(shape: Any) -> str:
    return f"({', '.join('n' if axis is None else str(axis) for axis in shape)})"
