"""An explanation, a heat map and a changed image as an engine sends them, made of MNIST's first images."""

import msgspec
import numpy as np

from mnist_tui.control.protocol import Attribution, Explanation, Neighbour, Perturbation, Reply, Tensor, Variant
from tests.kit.recorded import mnist

NAMES = (
    "2 px left",
    "2 px right",
    "2 px up",
    "2 px down",
    "10° left",
    "10° right",
    "20° left",
    "20° right",
    "10 % smaller",
    "10 % larger",
    "noise",
)
LABELS = (4, 9, 4, 9, 7, 4, 9, 4, 7, 4, 9, 7)


def explanation() -> Explanation:
    """Return the explanation of a 4 predicted as a 9, with 12 neighbours and 11 variants, of which 3 are wrong."""
    images = mnist()["x_train"]
    return Explanation(
        epoch=2,
        probabilities=(0.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.7),
        neighbours=tuple(
            Neighbour(
                split="validation" if place % 3 == 0 else "train",
                index=100 + place,
                label=label,
                distance=0.031 + place / 100,
                image=images[100 + place].tobytes(),
            )
            for place, label in enumerate(LABELS)
        ),
        variants=tuple(
            Variant(name, 9 if place % 4 == 0 else 4, 0.61 + place / 50, images[200 + place].tobytes())
            for place, name in enumerate(NAMES)
        ),
    )


def attribution(method: str = "integrated", target: int = 9, layer: str = "") -> Attribution:
    """Return a map whose upper half speaks for a class and whose lower half speaks against it, but less."""
    values = np.zeros((28, 28), "<f4")
    values[4:14], values[14:24] = 0.5, -0.25
    shares = explanation().probabilities
    return Attribution(2, method, target, layer, ("conv1", "conv2"), Tensor((28, 28), values.tobytes()), shares)


def perturbation(norm: str = "l2", target: int = 4) -> Perturbation:
    """Return a second image as the changed first one, which is predicted as the target with 51 %."""
    before = explanation().probabilities
    after = tuple(0.51 if each == target else 0.49 / 9 for each in range(10))
    return Perturbation(2, norm, target, mnist()["x_train"][1].tobytes(), 123.4, before, after)


def reply_line() -> bytes:
    """Return a reply with all of these, for FakeEngine.answer."""
    reply = Reply(ok=True, explanation=explanation(), attribution=attribution(), perturbation=perturbation())
    return msgspec.json.encode(reply) + b"\n"
