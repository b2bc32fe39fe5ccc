"""What the run computes on, and everything that is TensorFlow's alone."""

import os
import platform
import threading
import time
from collections.abc import Callable

import psutil

from mnist_tui.events import Hardware, HardwareSampled

SAMPLE_SECONDS = 2.0


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


def versions() -> dict[str, str]:
    """What a figure depends on beside the settings."""
    import keras
    import numpy as np
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def sample_hardware(emit: Callable[[HardwareSampled], None], stop: threading.Event) -> None:
    """Emit CPU and memory every SAMPLE_SECONDS until `stop` is set. Runs in a thread of its own."""
    engine = psutil.Process()
    engine.cpu_percent()
    psutil.cpu_percent()
    while not stop.wait(SAMPLE_SECONDS):
        emit(
            HardwareSampled(
                time=time.time(),
                engine_cpu=engine.cpu_percent(),
                engine_memory=engine.memory_info().rss,
                machine_cpu=psutil.cpu_percent(),
                machine_memory=psutil.virtual_memory().used,
            )
        )
