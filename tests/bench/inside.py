"""The inside of a model: feature maps of `reference` to the client, top images of `fast`, the cost of kept epochs.

The engine's part is computed in this process; replies are encoded and decoded as on the socket.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mnist_tui.control.protocol import Reply
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.kept_epochs import kept_epochs, remove_kept, superfluous, write_weights
from tests.bench.result import Result

BARS = {"maps_ms": 300.0, "top_images_s": 2.0, "kept_percent": 1.0}
IMAGES = 5_000
EPOCH_SECONDS = 4.5
"""Assumed seconds of an epoch of `fast`, not measured: on the shared Xeon 5,500 images took 2.9 s."""
ROUNDS = 5


def inside() -> Result:
    """Milliseconds for all maps of `reference`, seconds for a channel's top images, and the cost of a kept epoch."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    from mnist_tui.engine import backends
    from mnist_tui.engine.models.presets import PRESETS
    from mnist_tui.image_layout import MNIST_SHAPE

    keras.utils.set_random_seed(0)
    backends.select("tensorflow")
    reference, fast = (PRESETS[name].build(MNIST_SHAPE, 10) for name in ("reference", "fast"))
    figures = {
        "maps_ms": round(1e3 * min(_maps(reference) for _ in range(ROUNDS)), 1),
        "top_images_s": round(min(_top_images(fast) for _ in range(ROUNDS)), 2),
        "kept_percent": round(100 * min(_kept(fast) for _ in range(ROUNDS)) / EPOCH_SECONDS, 2),
    }
    return Result.worst(figures, BARS)


def _maps(model: Any) -> float:
    from mnist_tui.engine.models.layer_graph import LayerGraph
    from mnist_tui.engine.service.inside import inspect, outputs_of

    graph, image = LayerGraph(model), np.random.default_rng().integers(0, 256, (28, 28), dtype=np.uint8)
    outputs_of(graph, image)  # once per engine, about a second
    began = time.perf_counter()
    values = outputs_of(graph, image)
    for layer in ("", *(node.name for node in graph.nodes)):
        reply = msgspec.json.encode(Reply(ok=True, inspection=inspect(graph, values, layer, 0, 1, 1)))
        msgspec.json.decode(reply, type=Reply)
    return time.perf_counter() - began


def _top_images(model: Any) -> float:
    from mnist_tui.engine.data.datasets import Digits
    from mnist_tui.engine.models.layer_graph import LayerGraph
    from mnist_tui.engine.service.excitation import Strongest

    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)
    digits = Digits(images, np.zeros(IMAGES, np.uint8), np.arange(IMAGES, dtype=np.int32))
    graph, search = LayerGraph(model), Strongest("relu4", digits)
    began = time.perf_counter()
    for _ in search.search(graph):
        pass
    search.of_channel(graph, 0, 1)
    return time.perf_counter() - began


def _kept(model: Any) -> float:
    from mnist_tui.engine import backends

    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        began = time.perf_counter()
        for epoch in range(20):
            write_weights(run, epoch, 0, backends.current().fetch(model.weights))
            remove_kept(run, superfluous(kept_epochs(run), 10, epoch // 2))
        return (time.perf_counter() - began) / 20
