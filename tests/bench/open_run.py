"""Time to open a long run."""

import time
from pathlib import Path

import msgspec

from mnist_tui.bench.engines import temporary_home
from mnist_tui.event_lines import decode, encode
from mnist_tui.events import EndReason, EpochEnded, RunEnded, RunStarted, StepEnded
from mnist_tui.runs.directory import RunDirectory
from tests.bench.peak import peak_bytes
from tests.bench.result import Result
from tests.bench.training import PROGRAM, SIZE, end, environment
from tests.e2e.terminal import Terminal
from tests.kit.recording import RECORDING

STEPS, SHORT, EPOCH_STEPS = 1_000_000, 1_000, 860
STEP_SECONDS = 0.04
REPEATS = 3
MEGA = 1e6
BARS = {"seconds": 2.5, "memory_megabytes": 250.0}


def open_run() -> Result:
    """Seconds and megabytes of `attach` to a finished run of 1,000,000 steps, as shares of their bars."""
    with temporary_home() as home:
        write_run(home, "long-run", STEPS)
        write_run(home, "short-run", SHORT)
        opened = [_open(home, "long-run") for _ in range(REPEATS)]
        short = [_open(home, "short-run") for _ in range(REPEATS)]
    figures = {"seconds": sorted(one for one, _ in opened)[REPEATS // 2], "memory_megabytes": max(m for _, m in opened)}
    return Result.worst(
        figures,
        BARS,
        all_seconds=[one for one, _ in opened],
        short_run_seconds=[one for one, _ in short],
        short_run_megabytes=max(memory for _, memory in short),
    )


def write_run(home: Path, name: str, steps: int) -> RunDirectory:
    """Write a finished run with made-up steps in epochs of 860, without predictions."""
    record = RECORDING.record()
    epochs = -(-steps // EPOCH_STEPS)
    config = msgspec.structs.replace(record.config, epochs=epochs, name=name)
    record = msgspec.structs.replace(record, id=f"2026-{name}", name=name, config=config)
    run = RunDirectory(home / record.id)
    run.path.mkdir()
    run.write_record(record)
    with RECORDING.events_path.open("rb") as lines:
        recorded = [decode(line) for line in lines]
    started = next(event for event in recorded if isinstance(event, RunStarted))
    epoch_ended = next(event for event in recorded if isinstance(event, EpochEnded))
    now = started.time
    with run.events_path.open("wb") as file:
        file.write(encode(msgspec.structs.replace(started, epochs=epochs)))
        for step in range(1, steps + 1):
            now += STEP_SECONDS
            file.write(encode(_step(step, now)))
            if step % EPOCH_STEPS == 0 or step == steps:
                epoch = -(-step // EPOCH_STEPS)
                file.write(encode(msgspec.structs.replace(epoch_ended, time=now, epoch=epoch, step=step)))
        end = RunEnded(time=now, reason=EndReason.COMPLETED, best_epoch=1, test_accuracy=0.99)
        file.write(encode(end))
    return run


def _step(step: int, now: float) -> StepEnded:
    noise = (step * 7_919 % 1_000) / 1_000
    return StepEnded(
        time=now,
        step=step,
        epoch=(step - 1) // EPOCH_STEPS + 1,
        metrics={
            "loss": 2.3 / (1 + step / 500) + noise / 10,
            "accuracy": 1 - 0.9 / (1 + step / 100) - noise / 20,
            "learning_rate": 0.001,
            "images_per_second": 1_500 + 100 * noise,
        },
    )


def _open(home: Path, name: str) -> tuple[float, float]:
    """Return the seconds until the result is shown, and the peak megabytes of the screen."""
    began = time.monotonic()
    with Terminal([*PROGRAM, "attach", name], SIZE, environment(home)) as terminal:
        terminal.wait_for("test accuracy")
        seconds = time.monotonic() - began
        peak = peak_bytes(terminal.pid)
        end(terminal)
    assert peak is not None, "this system does not report the peak memory of a process (VmHWM)"
    return round(seconds, 2), round(peak / MEGA)
