"""Keras source code of a model, with the arguments only that differ from Keras' defaults."""

import inspect
import json
import keyword
import re
from typing import Any

import keras

from mnist_tui import __version__
from mnist_tui.runs.directory import RunError

Config = dict[str, Any]
LONGEST_LIST = 4
"""Elements of a list that is written on one line."""

HEADER = '''"""Keras source code of model {name}, written by mnist-tui {version}.

`build()` returns the model without its weights. To load those of a run:

    model = build()
    model.load_weights("model.keras")
"""

'''


def as_source(model: Any) -> str:
    """Return Python source code whose function `build()` returns a model with the same layers, untrained.

    Layers that are not Keras' own are imported from the module that defines them.

    Args:
        model: Functional or Sequential model, also with models inside it.

    Raises:
        RunError: The model has neither form, or an operation that `keras.ops` has no function for.
    """
    writer = _Writer()
    writer.add_function(model, "build")
    imports = ["import keras"] + ["from keras import layers"] * writer.uses_layers
    if writer.own_classes:
        imports += ["", *(f"from {module} import {name}" for module, name in sorted(writer.own_classes))]
    name = model.name.replace("\\", "\\\\").replace('"', "'")
    return HEADER.format(name=name, version=__version__) + "\n\n\n".join(["\n".join(imports), *writer.functions]) + "\n"


def is_functional(model: Any) -> bool:
    """Return True for a model whose layers form a graph that Keras knows, except for a Sequential one."""
    return isinstance(model, keras.Model) and not isinstance(model, keras.Sequential) and hasattr(model, "operations")


class _Writer:
    """Writer of one function for a model and for each model inside it, the inner ones first."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.own_classes: set[tuple[str, str]] = set()
        """Modules and names of the classes that are not Keras' own."""
        self.uses_layers = False
        self._taken = {"build", "keras", "layers"}

    def add_function(self, model: Any, name: str) -> None:
        if isinstance(model, keras.Sequential):
            body = self._sequential(model)
        elif is_functional(model):
            body = _Graph(self, model).lines()
        else:
            raise RunError(
                f"model {model.name!r} cannot be written as source code: it is neither Functional nor Sequential"
            )
        self.functions.append("\n".join([f"def {name}() -> keras.Model:", *("    " + line for line in body)]))

    def layer(self, layer: Any) -> str:
        """Return the expression that makes a layer; a model gets a function of its own."""
        if not (isinstance(layer, keras.Sequential) or is_functional(layer)):
            return self._call(layer)
        name = free_name(f"build_{layer.name}", self._taken)
        self.add_function(layer, name)
        return f"{name}()"

    def value(self, value: Any) -> str:
        """Return the expression for a value of a layer's configuration."""
        if isinstance(value, dict) and "class_name" in value and "config" in value:
            made = keras.saving.deserialize_keras_object(value)
            if hasattr(made, "get_config"):
                return self._call(made)
            return self._known(made) if callable(made) else repr(made)
        if isinstance(value, list | tuple):
            parts = [self.value(each) for each in value]
            return in_brackets(parts) if isinstance(value, list) else f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if isinstance(value, float) and value == 1 / 255:
            return "1 / 255"
        return quoted(value) if isinstance(value, str) else repr(value)

    def arguments(self, made: Any) -> list[str]:
        """Return the arguments that make an object, those with their default values left out, the name last."""
        config = made.get_config()
        config.pop("dtype", None)
        required, differing = _own_arguments(type(made), config)
        if isinstance(made, keras.layers.Layer) and made.dtype_policy.name != keras.config.dtype_policy().name:
            differing["dtype"] = made.dtype_policy.name
        if isinstance(made, keras.Operation):
            differing["name"] = made.name
        return [self.value(each) for each in required.values()] + [
            f"{key}={self.value(each)}" for key, each in differing.items()
        ]

    def _sequential(self, model: Any) -> list[str]:
        made = [input_call(model.inputs[0]), *(self.layer(layer) for layer in model.layers)]
        lines = ["    [", *(f"        {each}," for each in made), "    ],", f"    name={quoted(model.name)},"]
        return ["return keras.Sequential(", *lines, ")"]

    def _call(self, made: Any) -> str:
        return f"{self._known(type(made))}({', '.join(self.arguments(made))})"

    def _known(self, made: Any) -> str:
        """Return the name of a class or function, which the source code imports."""
        name: str = made.__name__
        if not made.__module__.startswith("keras."):
            self.own_classes.add((made.__module__, name))
            return name
        if getattr(keras.layers, name, None) is made:
            self.uses_layers = True
            return f"layers.{name}"
        for package in ("initializers", "regularizers", "constraints", "activations", "random"):
            if getattr(getattr(keras, package), name, None) is made:
                return f"keras.{package}.{name}"
        return f"keras.{name}"


class _Graph:
    """Body of the function that builds a functional model: one line for each call of a layer, its inputs before it."""

    def __init__(self, writer: _Writer, model: Any) -> None:
        self._writer, self._model, self._config = writer, model, model.get_config()
        self._calls = {layer["name"]: layer["inbound_nodes"] for layer in self._config["layers"]}
        self._operations = {operation.name: operation for operation in model.operations}
        self._taken = {"keras", "layers"}
        self._shared: dict[str, str] = {}
        """Variables of the layers that are called several times."""
        self._outputs: dict[tuple[str, int], str] = {}
        """Variables of the outputs, by the layer's name and the number of its call."""
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        ends = [self._tensors(self._config[key]) for key in ("input_layers", "output_layers")]
        return [*self._lines, f"return keras.Model({', '.join(ends)}, name={quoted(self._model.name)})"]

    def _tensors(self, found: Any) -> str:
        """Return the expression for the inputs or outputs; a single one stands in the configuration without a list."""
        if found and isinstance(found[0], str):
            return self._tensor(*found)
        tensors = [self._tensor(*each) for each in found]
        return tensors[0] if len(tensors) == 1 else in_brackets(tensors)

    def _tensor(self, name: str, call: int, output: int) -> str:
        if (name, call) not in self._outputs:
            made = self._input(name) if name not in self._shared and not self._calls[name] else self._made(name, call)
            is_input = isinstance(self._operations[name], keras.layers.InputLayer)
            wanted = "inputs" if is_input and _is_automatic(name) else name
            variable = free_name(f"{wanted}_{call + 1}" if name in self._shared else wanted, self._taken)
            self._outputs[name, call] = variable
            self._lines.append(f"{variable} = {made}")
        several = len(self._operations[name]._inbound_nodes[call].output_tensors) > 1
        return self._outputs[name, call] + (f"[{output}]" if several else "")

    def _input(self, name: str) -> str:
        return input_call(self._operations[name].output, "" if _is_automatic(name) else name)

    def _made(self, name: str, call: int) -> str:
        operation, node = self._operations[name], self._calls[name][call]
        if type(operation).__name__ == "GetItem":
            tensor, key = node["args"]
            return f"{self._argument(tensor)}[{', '.join(map(self._argument, _as_tuple(key)))}]"
        given = [self._argument(each) for each in node["args"]]
        given += [
            f"{key}={self._argument(each)}"
            for key, each in node["kwargs"].items()
            if each is not None and key != "training"  # the model's own argument decides
        ]
        if not isinstance(operation, keras.layers.Layer):
            return self._operation(operation, given)
        if len(self._calls[name]) == 1:
            return f"{self._writer.layer(operation)}({', '.join(given)})"
        if name not in self._shared:
            self._shared[name] = free_name(name, self._taken)
            self._lines.append(f"{self._shared[name]} = {self._writer.layer(operation)}")
        return f"{self._shared[name]}({', '.join(given)})"

    def _argument(self, value: Any) -> str:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return self._tensor(*value["config"]["keras_history"])
        if isinstance(value, list | tuple):
            return in_brackets([self._argument(each) for each in value])
        return self._writer.value(value)

    def _operation(self, operation: Any, given: list[str]) -> str:
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()
        if not hasattr(keras.ops, name):
            raise RunError(
                f"model {self._model.name!r} cannot be written as source code: keras.ops has no function for"
                f" {operation.name!r}"
            )
        options = self._writer.arguments(operation)[:-1]  # without the name
        return f"keras.ops.{name}({', '.join([*given, *options])})"


def input_call(tensor: Any, name: str = "") -> str:
    """Return the call of keras.Input that makes an input like this one."""
    options = [f"name={quoted(name)}"] if name else []
    if tensor.dtype != keras.config.floatx():
        options.append(f"dtype={quoted(tensor.dtype)}")
    return f"keras.Input({', '.join([str(tuple(tensor.shape[1:])), *options])})"


def in_brackets(parts: list[str]) -> str:
    """Return a list of expressions, one on a line if there are many."""
    if len(parts) <= LONGEST_LIST:
        return f"[{', '.join(parts)}]"
    return "[\n" + "".join(f"        {each},\n" for each in parts) + "    ]"


def quoted(text: str) -> str:
    """Return a string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def free_name(wanted: str, taken: set[str]) -> str:
    """Return a Python name like the wanted one that is not taken, and take it."""
    name = re.sub(r"\W", "_", wanted, flags=re.ASCII)
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"_{name}"
    number = 2
    chosen = name
    while chosen in taken:
        chosen, number = f"{name}_{number}", number + 1
    taken.add(chosen)
    return chosen


def _as_tuple(key: Any) -> Any:
    return key if isinstance(key, list | tuple) else (key,)


def _is_automatic(name: str) -> bool:
    return re.fullmatch(r"input_layer(_\d+)?", name) is not None


def _own_arguments(kind: type, config: Config) -> tuple[Config, Config]:
    """Return the required arguments of a constructor, and the others that differ from their defaults."""
    parameters = {
        key: each for key, each in inspect.signature(kind).parameters.items() if each.kind is not each.VAR_KEYWORD
    }
    required = {key: config[key] for key, each in parameters.items() if each.default is each.empty and key in config}
    try:
        plain = kind(**required).get_config()
    except Exception:  # a user's class may do anything
        plain = {}
    accepted = [key for key in (*parameters, "trainable") if key in config and key not in (*required, "name")]
    plain.setdefault("trainable", True)
    return required, {key: config[key] for key in accepted if key not in plain or plain[key] != config[key]}
