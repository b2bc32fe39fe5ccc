"""An explanation as an engine gives it, made of MNIST's first digits."""

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
    """Of a 4 that is read as a 9: twelve neighbours, eleven small changes of which three mislead."""
    pictures = mnist()["x_train"]
    speaks = np.zeros((28, 28), dtype=np.int8)
    speaks[4:14], speaks[14:24] = 90, -70
    return Explanation(
        epoch=2,
        probabilities=(0.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.7),
        for_predicted=speaks.tobytes(),
        for_true=(-speaks).tobytes(),
        neighbours=tuple(
            Neighbour(
                split="validation" if place % 3 == 0 else "train",
                index=100 + place,
                label=label,
                distance=0.031 + place / 100,
                image=pictures[100 + place].tobytes(),
            )
            for place, label in enumerate(LABELS)
        ),
        variants=tuple(
            Variant(name, 9 if place % 4 == 0 else 4, 0.61 + place / 50, pictures[200 + place].tobytes())
            for place, name in enumerate(NAMES)
        ),
    )


def answer_line() -> bytes:
    """What a FakeEngine is to answer to everything."""
    return msgspec.json.encode(Reply(ok=True, explanation=explanation())) + b"\n"
