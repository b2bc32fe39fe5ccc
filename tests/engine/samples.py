"""A few real images."""

import numpy as np

from mnist_tui.engine.data.datasets import Digits
from mnist_tui.resources import asset


def few_digits(count: int) -> Digits:
    """Return the first training images of MNIST."""
    with np.load(asset("mnist.npz")) as archive:
        return Digits(archive["x_train"][:count], archive["y_train"][:count], np.arange(count, dtype=np.int32))
