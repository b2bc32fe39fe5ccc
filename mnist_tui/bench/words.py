"""What was measured, in sentences."""

from mnist_tui.bench.results import MARK, MachineInfo, Speed, TimedRun, TimeToAccuracy
from mnist_tui.render.text import percent

BUSY = 0.25
"""Load for each core from which on others are in the way."""


def speed_line(speed: Speed) -> str:
    """A preset's speed and its spread."""
    if speed.images_per_second is None:
        return f"{speed.preset}: not measured: {speed.error}"
    return (
        f"{speed.preset}: {speed.images_per_second:,.0f} images/s"
        f" ({speed.lowest:,.0f} to {speed.highest:,.0f}, n = {speed.n})"
    )


def mark_line(preset: str, run: TimedRun) -> str:
    """One run: what is trained, what it took, what it reads."""
    if run.test_accuracy is None or run.training_seconds is None:
        return f"{preset}, seed {run.seed}: not measured: {run.error}"
    epochs = f"{run.epochs} epoch{'' if run.epochs == 1 else 's'}"
    return (
        f"{preset}, seed {run.seed}: {epochs} in {run.training_seconds:.1f} s"
        f" (after {run.start_up_seconds or 0:.1f} s of start-up; the test took {run.test_seconds or 0:.1f} s):"
        f" validation {percent(run.validation_accuracy)}, test {percent(run.test_accuracy)}"
    )


def conclusion(mark: TimeToAccuracy) -> str:
    """Whether the mark was reached, in how many seconds of training."""
    if mark.test_accuracy is None or mark.training_seconds is None:
        return f"{percent(MARK)} of the test digits with {mark.preset}: not measured"
    seconds = f"{mark.training_seconds:.1f} s of training" + _spread(mark.lowest_seconds, mark.highest_seconds, mark.n)
    if mark.seconds is not None:
        reached = "" if mark.reached == mark.n else f", in {mark.reached} of {mark.n} runs"
        return f"{percent(MARK)} of the test digits with {mark.preset}: reached in {seconds}{reached}"
    return (
        f"{percent(MARK)} of the test digits with {mark.preset}: not reached:"
        f" {percent(mark.test_accuracy)} after {seconds}"
    )


def _spread(lowest: float | None, highest: float | None, n: int) -> str:
    return f" ({lowest:.1f} to {highest:.1f}, n = {n})" if n > 1 else ""


def machine_lines(machine: MachineInfo) -> list[str]:
    """What it was measured on; the last one only where others were in the way."""
    device = machine.device or f"{machine.cpu_count} CPU cores"
    cores = [] if "CPU" in device else [f"{machine.cpu_count} CPU cores"]
    parts = [device, *cores, machine.processor, f"{machine.memory_bytes / 2**30:.1f} GiB of memory"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    lines = [", ".join(filter(None, parts)), versions]
    if machine.load_before > BUSY * machine.cpu_count:
        lines.append(
            f"other programs were busy (load {machine.load_before:.1f} on {machine.cpu_count} cores):"
            " it is faster when they are not"
        )
    return [line for line in lines if line]
