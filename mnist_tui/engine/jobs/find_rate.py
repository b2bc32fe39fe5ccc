"""Job process of the range test: python -m mnist_tui.engine.jobs.find_rate CONFIG STEPS (see control/find_rate.py).

A new model is trained as a run would train it, but with a learning rate that grows by the same factor at every step.
The test ends when the loss explodes (Smith 2017, arXiv 1506.01186). No run is created.
"""

import sys
from typing import Any

import msgspec
import numpy as np

from mnist_tui.analysis.learning_rate import has_exploded, rates
from mnist_tui.config import RunConfig
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.data import datasets
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.jobs.reporting import Report, report_work


def range_test(config: RunConfig, steps: int, report: Report) -> None:
    """Train at most `steps` steps and report their rates and losses; raises ConfigError."""
    import keras

    from mnist_tui.engine.backends.runtime import prepare_machine
    from mnist_tui.engine.distribution import Distribution
    from mnist_tui.engine.models.compiled import CompiledModel
    from mnist_tui.engine.models.presets import check_known
    from mnist_tui.engine.training.callbacks import PrepareExecution
    from mnist_tui.engine.training.feed import EpochFeed

    config = msgspec.structs.replace(config, steps_per_execution=1, ensemble="1")
    check_known(config.members)
    machine, distribution = prepare_machine(config), Distribution()
    report(JobReport("loading the data", 0.0))
    data, split = datasets.load_of_run(config)
    report(JobReport("building the model", 0.0))
    compiled = CompiledModel(config, 0, machine, data.facts, distribution)
    feed = EpochFeed(config, split.train, len(data.class_names), distribution, compiled.plan)
    planned, losses = rates(steps), list[float]()

    class Sweep(keras.callbacks.Callback):  # type: ignore[misc]
        """Callback that reports each step and ends the test."""

        is_over = False

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
            loss, number = float((logs or {})["loss"]), len(losses)
            losses.append(loss)
            point = (float(planned[number]), loss if np.isfinite(loss) else None)
            report(JobReport(f"step {number + 1:,} of {steps:,}", (number + 1) / steps, rates=(point,)))
            self.is_over = len(losses) >= steps or has_exploded(losses)
            if self.is_over:
                self.model.stop_training = True

    sweep, epoch = Sweep(), 0
    report(JobReport("compiling the first step", 0.0))
    prepare = PrepareExecution(lambda: float(planned[min(len(losses), steps - 1)]))
    while not sweep.is_over:
        batches = feed.remaining_batches(epoch, 0, compiled.preset.augmentation)
        compiled.model.fit(batches, verbose=0, steps_per_epoch=feed.steps, shuffle=False, callbacks=[prepare, sweep])
        epoch += 1
    report(JobReport("done", 1.0))


def main(encoded: str, steps: str) -> int:
    """Do the range test for settings in JSON, and return the exit status."""

    def work(report: Report) -> None:
        config = msgspec.json.decode(encoded, type=RunConfig)
        report(JobReport("importing Keras", 0.0))
        backends.select(config.backend)
        detection.restrict_gpus(config.device)
        backends.import_keras()
        range_test(config, int(steps), report)

    return report_work(work)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
