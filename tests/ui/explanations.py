"""An explanation as an engine sends it, made of MNIST's first images."""

import msgspec
import numpy as np

from mnist_tui.control.protocol import Explanation, Neighbour, Reply, Variant
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
    saliency = np.zeros((28, 28), dtype=np.int8)
    saliency[4:14], saliency[14:24] = 90, -70
    return Explanation(
        epoch=2,
        probabilities=(0.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.7),
        for_predicted=saliency.tobytes(),
        for_true=(-saliency).tobytes(),
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


def reply_line() -> bytes:
    """Return a reply with that explanation, for FakeEngine.answer."""
    return msgspec.json.encode(Reply(ok=True, explanation=explanation())) + b"\n"
