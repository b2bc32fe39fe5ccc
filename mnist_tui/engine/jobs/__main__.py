"""Jobs on a run beside its training: python -m mnist_tui.engine.jobs NAME RUN_DIR [ARGUMENT].

evaluate SPEC    read the test part of a data set with model.keras
cross-check      read every training and validation digit with a network that was not trained on it

Results are written into the run directory like any other predictions. On stdout comes one JSON line (JobReport) a step;
everything else that is said goes to stderr.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mnist_tui.config import ConfigError
from mnist_tui.control.protocol import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.backends.runtime import plan_job
from mnist_tui.engine.data import datasets
from mnist_tui.engine.hardware import detection
from mnist_tui.runs.directory import RunDirectory, RunError


def evaluate_set(run: RunDirectory, spec: str) -> Iterator[JobReport]:
    """Read a data set's test part with the run's best network; raises ConfigError and RunError."""
    import keras

    from mnist_tui.engine.models.evaluation import evaluate
    from mnist_tui.engine.training.recorder import save_digits, save_predictions

    backends.current().prepare(plan_job(run.record().config))
    yield JobReport("reading the digits", 0.1)
    data = datasets.load(spec)
    if not run.model_path.exists():
        raise RunError(f"run {run.id} has no model.keras yet: wait for its first epoch")
    yield JobReport("reading the network", 0.2)
    model = keras.saving.load_model(run.model_path, safe_mode=True)
    classes = model.output_shape[-1]
    if int(data.test.labels.max()) >= classes:
        raise ConfigError(f"data {spec!r} has classes up to {data.test.labels.max()}, the network knows {classes}")
    yield JobReport(f"reading {len(data.test):,} digits", 0.4)
    name = set_name(spec)
    result = evaluate(model, data.test, keras.losses.CategoricalCrossentropy())
    save_digits(run, name, data.test)
    save_predictions(run, name, data.test, result)
    yield JobReport("done", 1.0, name)


def set_name(spec: str) -> str:
    """Return the name of an evaluated set: letters, digits and dashes, never the name of a split."""
    return "set-" + (re.sub(r"[^A-Za-z0-9]+", "-", Path(spec).stem).strip("-") or "data")


def cross_check(run: RunDirectory, _: str) -> Iterator[JobReport]:
    """See engine/jobs/cross_check.py."""
    from mnist_tui.engine.jobs.cross_check import cross_check_labels

    return cross_check_labels(run)


JOBS: dict[str, Callable[[RunDirectory, str], Iterator[JobReport]]] = {
    "evaluate": evaluate_set,
    "cross-check": cross_check,
}


def main(name: str, path: str, argument: str = "") -> int:
    """Do a job and report; returns the exit status."""
    # what is printed by native code goes where Python's own messages go
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    detection.lower_priority()
    try:
        run = RunDirectory(Path(path))
        config = run.record().config
        backends.select(config.backend)
        detection.restrict_gpus(detection.job_device(config.device))
        for report in JOBS[name](run, argument):
            reports.write(msgspec.json.encode(report) + b"\n")
    except BrokenPipeError:
        return 1  # the reader of the reports has exited
    except Exception as error:
        traceback.print_exc()
        words = str(error) if isinstance(error, ConfigError | RunError) else f"{type(error).__name__}: {error}"
        reports.write(msgspec.json.encode(JobReport("failed", 1.0, error=words)) + b"\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
