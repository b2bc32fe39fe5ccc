"""Keras on TensorFlow: the default, and the fastest backend on a CPU."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mnist_tui.engine.backends.backend import (
    LEAST_PROBABILITY,
    Backend,
    Feed,
    Gradient,
    Predict,
    Probe,
    StartExecution,
    Summary,
    with_outputs,
)
from mnist_tui.engine.backends.fused import fused_class
from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.plan import Gpu, Plan

SLOW_BFLOAT16 = 6.0
"""CPU time of a convolution's gradient in bfloat16, in multiples of that in float32, from which on it is emulated.

A CPU with units for bfloat16 takes 1.3 to 2.0 times as long for this small one, without oneDNN 17 to 37 times. Elapsed
time would depend on the load of the machine, and a resumed run could choose another precision.
"""


class TensorFlow(Backend):
    """Keras on TensorFlow."""

    _strategy: Any = None
    """Distribution strategy that splits every batch among several devices; None for one device."""

    def versions(self) -> dict[str, str]:
        return {"tensorflow": tf.__version__}

    def gpus(self) -> tuple[Gpu, ...]:
        return tuple(map(_gpu, tf.config.list_physical_devices("GPU")))

    def prepare(self, plan: Plan) -> None:
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
        if plan.threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(plan.threads)
        if not plan.on_gpu and not plan.jit:  # XLA does not support it
            tf.config.experimental.enable_op_determinism()
        if plan.count > 1:
            if not plan.on_gpu:
                cpu = tf.config.list_physical_devices("CPU")[0]
                tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * plan.count)
            devices = tf.config.list_logical_devices("GPU" if plan.on_gpu else "CPU")
            self._strategy = tf.distribute.MirroredStrategy([device.name for device in devices[: plan.count]])

    def scope(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._strategy is None else self._strategy.scope()

    def prepare_model(self, model: Any, plan: Plan) -> Any:
        """Return a copy whose batch normalisation is fused on one CPU, or synchronised among several devices."""

        def layer_class(layer: Any, config: dict[str, Any]) -> type:
            if plan.count > 1 and "synchronized" in config:
                config["synchronized"] = True  # else each device would normalise by its own share of the batch
                return type(layer)
            return type(layer) if plan.on_gpu else fused_class(layer, config)

        return clone_with_policy(model, plan.policy, layer_class)

    def has_fast_bfloat16(self) -> bool:
        return _gradient_seconds("bfloat16") < SLOW_BFLOAT16 * _gradient_seconds("float32")

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, tf.errors.ResourceExhaustedError)

    def batches(self, feed: Feed) -> Any:
        """Return a tf.data.Dataset without autotuning.

        Keras' own data adapter for arrays stalls for seconds at the end of some epochs (TensorFlow 2.21).
        """
        options = tf.data.Options()
        options.autotune.enabled = False
        if feed.warps is None:
            data = tf.data.Dataset.from_tensor_slices((feed.images, feed.targets)).batch(feed.batch_size)
        else:
            plain = tf.data.Dataset.from_tensor_slices((feed.images, feed.warps, feed.targets)).batch(feed.batch_size)
            data = plain.map(lambda images, warps, targets: (warp(images, warps), targets))
        return data.prefetch(2).with_options(options)

    def predictor(self, model: Any) -> Predict:
        """Trace the prediction once for all batch sizes, which takes 0.3 s; Keras' own `predict` traces up to three."""
        predict = super().predictor(model)
        if self._strategy is not None:  # each device predicts the whole batch
            return lambda images: predict(images)[: len(images)]
        if not model.predict_function:
            images = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
            model.make_predict_function()
            model.predict_function.get_concrete_function([(images,)])
        return predict

    def predict(self, model: Any, images: NDArray[np.uint8], batch_size: int) -> NDArray[np.float32]:
        if self._strategy is None:
            return super().predict(model, images, batch_size)
        return np.asarray(model.predict(images, batch_size=batch_size, verbose=0), np.float32)

    def execution_starter(self, model: Any) -> StartExecution:
        """Return a function that makes one call into TensorFlow: 0.15 ms a step; one per variable takes 0.58 ms."""

        @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])  # type: ignore[untyped-decorator, unused-ignore]
        def update(learning_rate: Any) -> None:
            model.optimizer.learning_rate = learning_rate
            for metric in model.metrics:
                metric.reset_state()

        is_first = True

        def start(learning_rate: float, _: float | None) -> None:
            nonlocal is_first
            if is_first:  # the first step creates the metrics' variables: a trace before it would lack them
                is_first = False
                model.optimizer.learning_rate = learning_rate
            else:
                update(tf.constant(learning_rate, tf.float32))

        return start

    def log_probability_gradient(self, model: Any) -> Gradient:
        def gradient(images: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
            inputs = tf.convert_to_tensor(images)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                score = tf.math.log(model(inputs, training=False)[:, wanted] + LEAST_PROBABILITY)
            return np.asarray(tape.gradient(score, inputs))

        return gradient

    def probe(self, model: Any, outputs: Sequence[Any] = (), summary: Summary | None = None) -> Probe:
        forward = with_outputs(model, outputs)

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator, unused-ignore]
        def compute(images: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                predictions, *computed = keras.tree.flatten(forward(images, training=False))
                loss = model.loss(targets, predictions)
            variables = [variable.value for variable in model.trainable_variables]
            gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return list(map(tf.convert_to_tensor, gradients)), list(map(summary, computed)) if summary else []

        def probe(images: NDArray[np.float32], targets: NDArray[np.float32]) -> Any:
            gradients, summaries = compute(tf.convert_to_tensor(images), tf.convert_to_tensor(targets))
            return [np.asarray(each, dtype=np.float32) for each in gradients], summaries

        return probe


def _gradient_seconds(dtype: str) -> float:
    """Return the shortest of several CPU times that the gradient of a convolution takes."""
    with tf.device("CPU:0"):
        images, kernel = tf.ones((16, 28, 28, 32), dtype), tf.ones((3, 3, 32, 32), dtype)
        times = []
        for _ in range(4):  # the first one builds the kernel
            began = time.process_time()
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=images.shape, filter=kernel, out_backprop=images, strides=[1, 1, 1, 1], padding="SAME"
            )
            times.append(time.process_time() - began)
    return min(times)


def _gpu(device: Any) -> Gpu:
    details = tf.config.experimental.get_device_details(device)
    return Gpu(str(details.get("device_name", "GPU")), details.get("compute_capability"))
