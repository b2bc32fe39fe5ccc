"""What the run computes on, and everything that is TensorFlow's alone."""

import contextlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from mnist_tui.events import Hardware

NICENESS = 5
"""The screen is answered first on a machine whose cores are all busy training."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Linux may share the cores out among sessions first: a niceness within the engine's own says nothing to the screen."""


def yield_to_the_screen() -> None:
    """Lower the priority of this process and, where sessions have one (Linux), of the session that it leads."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # the session is somebody's shell
    with contextlib.suppress(OSError):  # another system, or a session that may not say so now
        AUTOGROUP.write_text(str(NICENESS))


def prepare_environment() -> None:
    """Set what TensorFlow reads when it is imported; what the user's environment says stays.

    oneDNN is off on x86 CPUs without AVX-512 unless asked for, and makes the reference network 1.15 to 1.37 times as
    fast there.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def prepare_tensorflow() -> None:
    """Share a GPU with others by growing into its memory; on a CPU make a seed decide every figure."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        tf.config.experimental.enable_op_determinism()


def prepare_network(model: Any) -> Any:
    """The network as it trains fastest on this device: the same layers by name and the same weights."""
    import tensorflow as tf

    from mnist_tui.engine.fused import fused

    return model if tf.config.list_physical_devices("GPU") else fused(model)


def step_beginner(model: Any) -> Callable[[float], None]:
    """A function that sets the learning rate and empties the metrics of a network whose `fit` has begun.

    One call into TensorFlow instead of one for each variable: 0.15 ms a step instead of 0.58.
    """
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])  # type: ignore[untyped-decorator, unused-ignore]
    def update(rate: Any) -> None:
        model.optimizer.learning_rate = rate
        for metric in model.metrics:
            metric.reset_state()

    return lambda rate: update(tf.constant(rate, tf.float32))


def hardware() -> Hardware:
    """The device that Keras will use, in words, and the machine's size."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        device = str(details.get("device_name", "GPU"))
    else:
        device = f"{cores} CPU core{'s' if cores > 1 else ''}"
    return Hardware(device=device, cpu_count=cores, memory_bytes=psutil.virtual_memory().total)


def batches(images: NDArray[np.uint8], targets: NDArray[np.float32], batch_size: int) -> Any:
    """Digits in this order, batch by batch, as `fit` takes them: images (n, 28, 28, 1), targets (n, classes).

    Not Keras' own way with arrays: there the last step of some epochs stood still for 2 to 5 s at 0 % CPU, and a step
    took about 6 % longer (TensorFlow 2.21, 2 cores). Nothing here is for tf.data to tune.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch_size).prefetch(2).with_options(options)


def log_probability_gradient(model: Any, images: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    """Gradient of the log probability of a class by the pixels: images (n, 28, 28, 1) -> the same shape."""
    import tensorflow as tf

    pictures = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        score = tf.math.log(model(pictures, training=False)[:, wanted] + 1e-12)
    return np.asarray(tape.gradient(score, pictures))


def gradient_norms(model: Any) -> Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
    """A function (images, one-hot labels) -> norm of the loss's gradient by each trainable variable, in their order.

    In inference mode: dropping nothing, and leaving batch statistics as they are.
    """
    import tensorflow as tf

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator, unused-ignore]
    def norms(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.loss(targets, model(images, training=False))
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        return tf.stack([tf.norm(gradient) for gradient in gradients])

    return lambda images, targets: np.asarray(norms(tf.convert_to_tensor(images), tf.convert_to_tensor(targets)))


def versions() -> dict[str, str]:
    """What a figure depends on beside the settings."""
    import keras
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
