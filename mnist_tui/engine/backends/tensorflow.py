"""Keras on TensorFlow: the default, and the fastest on a CPU."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mnist_tui.engine.backends.backend import Backend, Feed, Gradient, GradientNorms, StartExecution
from mnist_tui.engine.backends.fused import fused
from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.plan import Gpu, Plan


class TensorFlow(Backend):
    """See Backend."""

    _strategy: Any = None
    """Shares every batch among several devices; None for one."""

    def versions(self) -> dict[str, str]:
        """TensorFlow's."""
        return {"tensorflow": tf.__version__}

    def gpus(self) -> tuple[Gpu, ...]:
        """All that CUDA shows."""
        return tuple(map(_gpu, tf.config.list_physical_devices("GPU")))

    def prepare(self, plan: Plan) -> None:
        """Share a GPU with others by growing into its memory; compute the same figures every time on a CPU."""
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
        if plan.threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(plan.threads)
        if not plan.on_gpu and not plan.jit:  # XLA is not for those who want every bit again
            tf.config.experimental.enable_op_determinism()
        if plan.count > 1:
            if not plan.on_gpu:
                cpu = tf.config.list_physical_devices("CPU")[0]
                tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * plan.count)
            devices = tf.config.list_logical_devices("GPU" if plan.on_gpu else "CPU")
            self._strategy = tf.distribute.MirroredStrategy([device.name for device in devices[: plan.count]])

    def scope(self) -> AbstractContextManager[Any]:
        """The strategy's, if there is one."""
        return nullcontext() if self._strategy is None else self._strategy.scope()

    def prepare_model(self, model: Any, plan: Plan) -> Any:
        """Normalizations are fused on a CPU (on a GPU the compiler does that), and see the batches of all devices."""

        def change(layer: Any, config: dict[str, Any]) -> type:
            if plan.count > 1 and "synchronized" in config:
                config["synchronized"] = True  # else each device would normalize by its own share of the batch
                return type(layer)
            return type(layer) if plan.on_gpu else fused(layer, config)

        return clone_with_policy(model, plan.policy, change)

    def is_out_of_memory(self, error: Exception) -> bool:
        """TensorFlow has an error for it."""
        return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)

    def batches(self, feed: Feed) -> Any:
        """A tf.data.Dataset.

        Not Keras' own way with arrays: there the last step of some epochs stood still for 2 to 5 s at 0 % CPU, and a
        step took about 6 % longer (TensorFlow 2.21, 2 cores). Nothing here is for tf.data to tune.
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        if feed.warps is None:
            digits = tf.data.Dataset.from_tensor_slices((feed.images, feed.targets)).batch(feed.batch_size)
        else:
            whole = tf.data.Dataset.from_tensor_slices((feed.images, feed.warps, feed.targets)).batch(feed.batch_size)
            digits = whole.map(lambda pictures, bent, classes: (warp(pictures, bent), classes))
        return digits.prefetch(2).with_options(options)

    def execution_starter(self, model: Any) -> StartExecution:
        """One call into TensorFlow instead of one for each variable: 0.15 ms a step instead of 0.58."""

        @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])  # type: ignore[untyped-decorator, unused-ignore]
        def update(rate: Any) -> None:
            model.optimizer.learning_rate = rate
            for metric in model.metrics:
                metric.reset_state()

        begun: list[bool] = []

        def begin(rate: float, coming: float | None) -> None:  # noqa: ARG001
            if begun:
                update(tf.constant(rate, tf.float32))
                return
            begun.append(True)  # the first step makes the accuracy's variables: what is traced before leaves them out
            model.optimizer.learning_rate = rate

        return begin

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


def _gpu(device: Any) -> Gpu:
    details = tf.config.experimental.get_device_details(device)
    return Gpu(str(details.get("device_name", "GPU")), details.get("compute_capability"))
