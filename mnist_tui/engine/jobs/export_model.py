"""Conversion of a run's best model to the formats of other programs. Keras must be on TensorFlow, whatever the run's.

All of them take float32 images `(n, height, width, channels)` of raw pixels 0..255 and return probabilities
`(n, classes)`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from mnist_tui.engine.models.source_code import as_source
from mnist_tui.runs.directory import RunError


def write_saved_model(model: Any, path: Path) -> None:
    """Write a SavedModel, whose endpoint is `serve`, into a folder."""
    model.export(path, verbose=False, input_signature=_input_signature(model))


def write_onnx(model: Any, path: Path) -> None:
    """Write an ONNX file with the input `images`."""
    model.export(path, format="onnx", verbose=False, input_signature=_input_signature(model))


def write_tflite(model: Any, path: Path) -> None:
    """Write a TFLite file; raises RunError if this TensorFlow has no converter."""
    import tensorflow as tf

    if not hasattr(tf, "lite"):
        raise RunError(f"TensorFlow {tf.__version__} has no TFLite converter: export saved-model or onnx instead")
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def write_source(model: Any, path: Path) -> None:
    """Write Keras source code; raises RunError for a model that is no graph of layers."""
    path.write_text(as_source(model), "utf-8")


CONVERSIONS: dict[str, Callable[[Any, Path], None]] = {
    "saved-model": write_saved_model,
    "onnx": write_onnx,
    "tflite": write_tflite,
    "source": write_source,
}


def _input_signature(model: Any) -> list[Any]:
    return [keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype="float32", name="images")]
