"""Keras on TensorFlow: the default, and the fastest on a CPU."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mnist_tui.engine.augmentation import warp
from mnist_tui.engine.backends.backend import Backend, Gradient, GradientNorms
from mnist_tui.engine.backends.fused import fused


class TensorFlow(Backend):
    """See Backend."""

    def versions(self) -> dict[str, str]:
        """TensorFlow's."""
        return {"tensorflow": tf.__version__}

    def gpu_name(self) -> str | None:
        """Of the first one."""
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return None
        return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))

    def prepare(self) -> None:
        """Share a GPU with others by growing into its memory; on a CPU make a seed decide every figure."""
        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        if not gpus:
            tf.config.experimental.enable_op_determinism()

    def prepare_network(self, model: Any) -> Any:
        """Normalizations are fused on a CPU; on a GPU the compiler does that."""
        return super().prepare_network(model) if tf.config.list_physical_devices("GPU") else fused(model)

    def batches(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        batch_size: int,
        warps: NDArray[np.float32] | None = None,
    ) -> Any:
        """A tf.data.Dataset.

        Not Keras' own way with arrays: there the last step of some epochs stood still for 2 to 5 s at 0 % CPU, and a
        step took about 6 % longer (TensorFlow 2.21, 2 cores). Nothing here is for tf.data to tune.
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        if warps is None:
            digits = tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch_size)
        else:
            whole = tf.data.Dataset.from_tensor_slices((images, warps, targets)).batch(batch_size)
            digits = whole.map(lambda pictures, bent, classes: (warp(pictures, bent), classes))
        return digits.prefetch(2).with_options(options)

    def step_beginner(self, model: Any) -> Callable[[float], None]:
        """One call into TensorFlow instead of one for each variable: 0.15 ms a step instead of 0.58."""

        @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])  # type: ignore[untyped-decorator, unused-ignore]
        def update(rate: Any) -> None:
            model.optimizer.learning_rate = rate
            for metric in model.metrics:
                metric.reset_state()

        return lambda rate: update(tf.constant(rate, tf.float32))

    def log_probability_gradient(self, model: Any) -> Gradient:
        """By a tape."""

        def gradient(images: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
            pictures = tf.convert_to_tensor(images)
            with tf.GradientTape() as tape:
                tape.watch(pictures)
                score = tf.math.log(model(pictures, training=False)[:, wanted] + 1e-12)
            return np.asarray(tape.gradient(score, pictures))

        return gradient

    def gradient_norms(self, model: Any) -> GradientNorms:
        """By a tape, compiled."""

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator, unused-ignore]
        def norms(images: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = model.loss(targets, model(images, training=False))
            gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
            return tf.stack([tf.norm(gradient) for gradient in gradients])

        return lambda images, targets: np.asarray(norms(tf.convert_to_tensor(images), tf.convert_to_tensor(targets)))
