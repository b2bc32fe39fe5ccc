"""Replies of an engine about the layers of a small model with two towers, made by hand: no Keras, and milliseconds."""

import dataclasses
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from mnist_tui.control.protocol import (
    Excitation,
    Excitations,
    Excite,
    Inspect,
    Inspection,
    LayerView,
    Reply,
    Request,
    Tensor,
)
from mnist_tui.ui.run.model_client import ModelClient

Model = dict[str, tuple[str, tuple[str, ...], tuple[int, ...]]]
"""Kind, inputs and output shape of each layer."""
SHAPES: Model = {
    "images": ("InputLayer", (), (28, 28, 1)),
    "near": ("Conv2D", ("images",), (24, 24, 16)),
    "near_relu": ("ReLU", ("near",), (24, 24, 16)),
    "near_flat": ("Flatten", ("near_relu",), (9216,)),
    "wide": ("Conv2D", ("images",), (6, 6, 4)),
    "wide_norm": ("BatchNormalization", ("wide",), (6, 6, 4)),
    "wide_flat": ("Flatten", ("wide_norm",), (144,)),
    "odd": ("Five", ("wide_flat",), (1, 2, 2, 2, 2)),
    "joined": ("Concatenate", ("near_flat", "wide_flat"), (9360,)),
    "probabilities": ("Dense", ("joined",), (10,)),
}
"""Model with two towers; the shapes are arbitrary."""
WEIGHTS: dict[str, dict[str, tuple[int, ...]]] = {
    "near": {"kernel": (5, 5, 1, 16)},
    "wide": {"kernel": (3, 3, 1, 4), "bias": (4,)},
    "wide_norm": {"gamma": (4,), "beta": (4,), "moving_mean": (4,), "moving_variance": (4,)},
    "probabilities": {"kernel": (9360, 10), "bias": (10,)},
}
CONFIDENT = tuple(0.91 if each == 3 else 0.01 for each in range(10))


def tensor(values: np.ndarray) -> Tensor:
    return Tensor(values.shape, values.astype("<f4").tobytes())


def layer_view(name: str, epoch: int, *, with_tensors: bool, model: Model = SHAPES) -> LayerView:
    """Return a layer, whose values depend on its name and the epoch."""
    kind, inputs, shape = model[name]
    rng = np.random.default_rng([epoch, *name.encode()])
    output = rng.normal(0, epoch, shape)
    if len(shape) == 3:
        y, x = np.indices(shape[:2]) - (shape[0] - 1) / 2
        output *= (np.hypot(y, x) < shape[0] / 3)[..., None]  # as around a digit, the background has one value
    if kind == "ReLU":
        output = np.maximum(output, 0)
    if name == "probabilities":
        output = np.array(CONFIDENT)
    weights = {weight: tensor(rng.normal(size=of)) for weight, of in WEIGHTS.get(name, {}).items()}
    return LayerView(
        name=name,
        kind=kind,
        inputs=inputs,
        shape=shape,
        mean=float(output.mean()),
        deviation=float(output.std()),
        dead=0.25 if kind == "ReLU" else None,
        histogram=tuple(np.histogram(output, 24)[0].tolist()),
        edges=(float(output.min()), float(output.max())),
        output=tensor(output) if with_tensors else None,
        weights=weights if with_tensors else {},
    )


def inspection(request: Inspect, epoch: int, model: Model) -> Inspection:
    """Return the reply to a request."""
    names = [*model[request.layer][1], request.layer] if request.layer else list(model)
    layers = tuple(layer_view(name, epoch, with_tensors=bool(request.layer), model=model) for name in names)
    return Inspection(epoch, 100 * epoch, layers, CONFIDENT)


def excitations(epoch: int) -> Excitations:
    """Return six images, each with another patch."""
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8).tobytes()
    return Excitations(
        epoch, tuple(Excitation(700 + n, n, 5.0 - n, (n, n), (n, n, n + 5, n + 5), image) for n in range(6))
    )


@dataclasses.dataclass
class Replies:
    """Replies to everything alike; `asked` keeps the requests."""

    asked: list[Request] = dataclasses.field(default_factory=list)
    errors: dict[object, str] = dataclasses.field(default_factory=dict)
    """Error messages by weights or by layer."""
    best: int = 3
    progress: float = 0.0
    """Progress of all searches for images."""
    model: Model = dataclasses.field(default_factory=SHAPES.copy)

    def __call__(self, request: Request) -> Reply | str:
        self.asked.append(request)
        assert isinstance(request, Inspect | Excite)
        for key in (request.weights, request.layer):
            if key in self.errors:
                return self.errors[key]
        epoch = request.weights if isinstance(request.weights, int) else self.best
        if isinstance(request, Excite):
            self.progress = min(1.0, self.progress + 0.5) if request.seconds else 1.0
            return Reply(ok=True, excitations=msgspec.structs.replace(excitations(epoch), progress=self.progress))
        return msgspec.json.decode(
            msgspec.json.encode(Reply(ok=True, inspection=inspection(request, epoch, self.model))), type=Reply
        )


def answer(monkeypatch: pytest.MonkeyPatch, replies: Callable[[Request], Reply | str]) -> None:
    """Let these reply instead of the engines of all runs."""
    monkeypatch.setattr(ModelClient, "outcome", lambda self, request: replies(request))  # noqa: ARG005
