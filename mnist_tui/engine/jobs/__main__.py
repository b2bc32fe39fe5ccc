"""Job process: python -m mnist_tui.engine.jobs NAME RUN_DIR [ARGUMENT].

- evaluate SPEC: Evaluate model.keras on the test split of a data set.
- predict SPEC: Predict the classes of the images of a file.
- export CONVERSION:PATH: Convert the model for another program (export_model.py).
- predict-images FILE.npy: Predict images in the layout of the run's data, with their distance to its validation images.
- exhibit NAME:STEP: Compute an exhibit of the textbook for a run at a step (exhibits.py).
- cross-check: Predict every training and validation image with a model that was not trained on it.

Results are predictions in the run directory. The job reports its progress on stdout, one JSON line (JobReport) each;
all other output goes to stderr.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.config import ConfigError
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.backends.runtime import plan_job
from mnist_tui.engine.data import datasets
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.jobs.reporting import Report, report_work
from mnist_tui.image_layout import shape_in_words, shape_of
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.model_source import kept_model
from mnist_tui.runs.summary import history_without_steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_NAME = 40
"""Characters of a file's name in the name of its evaluation."""


def evaluate_set(run: RunDirectory, spec: str) -> Iterator[JobReport]:
    """Evaluate the run's best model on a data set. Raise ConfigError or RunError."""
    import keras

    from mnist_tui.engine.models.evaluation import evaluate
    from mnist_tui.engine.training.recorder import save_digits, save_predictions

    backends.current().prepare(plan_job(run.record().config))
    yield JobReport("loading the data", 0.1)
    started = history_without_steps(run).started
    digits, checksum = datasets.load_evaluated(spec, started.class_names if started else ())
    yield JobReport("loading the model", 0.2)
    model = load_model(run)
    check_images(digits.images, model, spec)
    yield JobReport(f"evaluating {len(digits):,} images", 0.4)
    name = set_name(spec, checksum)
    result = evaluate(model, digits, keras.losses.CategoricalCrossentropy())
    save_digits(run, name, digits)
    save_predictions(run, name, digits, result)
    yield JobReport("done", 1.0, name)


def predict_images(run: RunDirectory, spec: str) -> Iterator[JobReport]:
    """Predict the classes of images with the run's best model. Raise ConfigError or RunError."""
    from mnist_tui.engine.models.evaluation import predict

    backends.current().prepare(plan_job(run.record().config))
    yield JobReport("loading the images", 0.1)
    images = datasets.load_images(spec)
    yield JobReport("loading the model", 0.2)
    model = load_model(run)
    check_images(images, model, spec)
    yield JobReport(f"predicting {len(images):,} images", 0.4)
    classes = predict(model, images).argmax(axis=1)
    yield JobReport("done", 1.0, classes=tuple(classes.tolist()))


def predict_given(run: RunDirectory, path: str) -> Iterator[JobReport]:
    """Predict images of any origin with the run's best model. Raise RunError."""
    import numpy as np

    from mnist_tui.engine.models.evaluation import predict
    from mnist_tui.engine.models.features import Familiarity, Features
    from mnist_tui.engine.service.explainer import predicted_images

    backends.current().prepare(plan_job(run.record().config))
    images = np.load(path)
    yield JobReport("loading the model", 0.2)
    model = load_model(run)
    features = Features(model)
    yield JobReport("comparing with the validation images", 0.5)
    validation = run.load_arrays(run.digits_path("validation"))["images"]
    familiarity = Familiarity.of(np.concatenate(list(features.pieces(validation))))
    yield JobReport(f"predicting {len(images):,} images", 0.8)
    found = np.concatenate(list(features.pieces(images)))
    yield JobReport("done", 1.0, predictions=predicted_images(predict(model, images), found, familiarity, None))


def load_model(run: RunDirectory) -> Any:
    """Load the run's best model; raises RunError if there is none yet."""
    import keras

    if not run.model_path.is_file():
        raise RunError(f"run {run.id} has no model.keras yet: wait for its first epoch")
    return keras.saving.load_model(run.model_path, safe_mode=True)


def check_images(images: "NDArray[np.uint8]", model: Any, spec: str) -> None:
    """Raise ConfigError unless a model takes these images of a data set."""
    found, wanted = shape_of(images), model.input_shape[1:]
    if found is not None and found != wanted:
        wanted_words = shape_in_words(wanted)
        raise ConfigError(
            f"data {spec!r} has images of {shape_in_words(found)}, the model takes {wanted_words}:"
            f" give images of {wanted_words}"
        )


def load_own_model(text: str) -> None:
    """Let Keras know the layers of a run's own model, which its model.keras holds; raises ConfigError."""
    from mnist_tui.engine.models.own_model import OwnModel

    OwnModel(text).load_objects()


def set_name(spec: str, checksum: str) -> str:
    """Return the name of an evaluated set in the run directory: another one for other images, and never a split's."""
    if spec in datasets.DATASETS:
        return f"set-{spec}"
    encoding = sys.getfilesystemencoding()
    writable = Path(spec).stem.encode(encoding, "replace").decode(encoding)
    words = re.sub(r"[\W_]+", "-", writable)[:MAX_NAME].strip("-")
    return "-".join(filter(None, ("set", words, checksum[:8])))


def export_model(run: RunDirectory, argument: str) -> Iterator[JobReport]:
    """Convert the run's best model to a format of CONVERSIONS, and write it to a path; raises RunError."""
    from mnist_tui.engine.jobs.export_model import CONVERSIONS

    conversion, _, path = argument.partition(":")
    yield JobReport("loading the model", 0.3)
    model = load_model(run)
    yield JobReport("converting the model", 0.5)
    CONVERSIONS[conversion](model, Path(path))
    yield JobReport("done", 1.0)


def cross_check(run: RunDirectory, _: str) -> Iterator[JobReport]:
    from mnist_tui.engine.jobs.cross_check import cross_check_labels

    return cross_check_labels(run)


def exhibit(run: RunDirectory, argument: str) -> Iterator[JobReport]:
    from mnist_tui.engine.jobs.exhibits import compute_exhibit

    name, _, step = argument.partition(":")
    return compute_exhibit(run, name, int(step))


JOBS: dict[str, Callable[[RunDirectory, str], Iterator[JobReport]]] = {
    "evaluate": evaluate_set,
    "predict": predict_images,
    "export": export_model,
    "predict-images": predict_given,
    "cross-check": cross_check,
    "exhibit": exhibit,
}
ON_TENSORFLOW = frozenset({"export"})
"""Jobs that only TensorFlow can do, whatever the run's backend."""


def main(name: str, path: str, argument: str = "") -> int:
    """Run a job and return the exit status."""

    def work(report: Report) -> None:
        run = RunDirectory(Path(path))
        config = run.record().config
        backends.select("tensorflow" if name in ON_TENSORFLOW else config.backend)
        detection.restrict_gpus(detection.job_device(config.device))
        backends.import_keras()
        if config.model:
            load_own_model(str(kept_model(run, config)))
        for each in JOBS[name](run, argument):
            report(each)

    return report_work(work)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
