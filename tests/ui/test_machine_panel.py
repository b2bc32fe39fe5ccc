"""The machine panel: CPU, GPUs and the diagnosis."""

import re

import msgspec
import pytest

from mnist_tui.events import GpuSample, Hardware
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.ui.training.machine_panel import (
    MAX_GPUS,
    NEVER_DIAGNOSED,
    NEVER_MEASURED,
    NOT_YET_DIAGNOSED,
    NOT_YET_MEASURED,
    MachinePanel,
)
from tests.kit import samples
from tests.kit.samples import CREATED
from tests.ui.stage import drawn, history, view

H100 = GpuSample("NVIDIA H100 80GB HBM3", 93.0, 61_200_000_000, 85_000_000_000, 412.0, 61.0, 1_980.0)
MIG = GpuSample("NVIDIA H100 80GB HBM3, MIG device 1", None, 4_000_000_000, 10_000_000_000)
NOTE = "no NVIDIA GPU or driver (NVML Shared Library Not Found)"
TWO_CORES, ON_GPU = Hardware("2 CPU cores", 2, 25 << 30), Hardware(H100.name, 16, 128 << 30)


def sampled(
    *gpus: GpuSample, note: str = "", hardware: Hardware = TWO_CORES, count: int = 6, **fields: object
) -> History:
    """Return a run with ten steps between two samples."""
    made = history()
    made.apply(samples.run_started(hardware=hardware))
    for number in range(count):
        made.apply_all(samples.step_ended(step) for step in range(10 * number + 1, 10 * number + 11))
        made.apply(samples.hardware_sampled(time=CREATED + number, gpus=gpus, gpu_note=note, **fields))
    return made


async def panel_lines(run: History, size: tuple[int, int], status: Status = Status.TRAINING) -> list[str]:
    panel = MachinePanel()
    return await drawn(panel, size, lambda: panel.show(view(run, status)))


async def test_a_machine_without_a_gpu() -> None:
    shown = await panel_lines(sampled(note=NOTE), (60, 8))
    assert "Machine  2 CPU cores" in shown[0]
    assert re.search(r"CPU [━╸]+ +98 %  RAM 1\.7/27 GB  engine 1\.9 cores 1\.4 GB", shown[1])
    assert "GPU  no NVIDIA GPU or driver" in shown[2]
    assert "compute-bound: engine on 1.9 of 2 cores" in shown[3]
    assert shown[4].startswith("╰")


async def test_a_gpu_has_all_values_of_its_driver() -> None:
    shown = await panel_lines(sampled(H100, hardware=ON_GPU), (70, 8))
    assert re.search(r"GPU [━╸]+ +93 % +61\.2/85 GB +412 W +61 °C +1,980 MHz", shown[2])
    assert "compute-bound: GPU 93 % busy" in shown[3]


async def test_missing_values_are_not_available() -> None:
    shown = await panel_lines(sampled(GpuSample("GeForce")), (70, 8))
    assert shown[2].count("N/A") == 5
    assert not re.search(r"\b0\b", shown[2])


async def test_a_mig_device_is_named() -> None:
    shown = await panel_lines(sampled(H100, MIG, hardware=ON_GPU), (84, 8))
    assert re.search(r"GPU 0 [━╸]+ +93 %", shown[2])
    assert re.search(r"GPU 1 MIG device 1 +N/A +4\.0/10 GB", shown[3])
    beside = await panel_lines(sampled(H100, MIG, hardware=ON_GPU), (200, 8))
    assert "NVIDIA H100 80GB HBM3, MIG device 1" in beside[3]


async def test_the_values_of_several_gpus_are_aligned() -> None:
    shown = await panel_lines(sampled(H100, MIG, GpuSample("x")), (84, 8))
    ends = [[match.end() for match in re.finditer(r"(GB|W|°C|MHz|N/A)(?=[ │]|$)", line)] for line in shown[2:5]]
    assert ends[0][-3:] == ends[1][-3:] == ends[2][-3:]


async def test_the_diagnosis_is_visible_below_many_gpus() -> None:
    shown = await panel_lines(sampled(*[H100] * 8, hardware=ON_GPU), (84, 12))
    assert sum("GPU " in line and "°C" in line for line in shown) == MAX_GPUS
    assert "compute-bound" in shown[2 + MAX_GPUS]


async def test_the_energy_is_in_the_border_with_what_it_covers() -> None:
    gpu = msgspec.structs.replace(H100, is_used=True, energy=300.0)
    shown = await panel_lines(sampled(gpu, hardware=ON_GPU, seconds=1.0, cpu_energy=60.0), (84, 8))
    assert "0.6 Wh" in shown[4]  # 6 samples of 360 J
    assert "whole GPUs and CPUs" in shown[4]


@pytest.mark.parametrize("width", [20, 60])
async def test_energy_that_cannot_be_read_is_not_available(width: int) -> None:
    shown = await panel_lines(sampled(note=NOTE, cpu_energy_note="no RAPL counters here"), (width, 8))
    assert "energy N/A" in shown[4]
    assert "Wh" not in shown[4]


@pytest.mark.parametrize("width", [20, 40, 78, 120])
async def test_no_number_is_cut(width: int) -> None:
    for made in (sampled(note=NOTE), sampled(H100, MIG)):
        shown = "\n".join(await panel_lines(made, (width, 8)))
        assert {len(line) for line in shown.split("\n")} == {width}
        assert width < 60 or not re.search(r"[\d.,%]…", shown)


@pytest.mark.parametrize(
    ("status", "not_measured", "not_diagnosed"),
    [
        (Status.TRAINING, NOT_YET_MEASURED, NOT_YET_DIAGNOSED),
        (Status.CRASHED, NEVER_MEASURED, NEVER_DIAGNOSED),
        (Status.FINISHED, NEVER_MEASURED, NEVER_DIAGNOSED),
    ],
)
async def test_a_missing_measurement_is_promised_while_the_run_is_live(
    status: Status, not_measured: str, not_diagnosed: str
) -> None:
    assert not_measured in "\n".join(await panel_lines(History(samples.record()), (70, 6), status))
    assert not_diagnosed in "\n".join(await panel_lines(sampled(note=NOTE, count=1), (70, 6), status))


async def test_the_diagnosis_of_a_finished_run_is_in_the_past_tense() -> None:
    shown = await panel_lines(sampled(note=NOTE), (70, 6), Status.FINISHED)
    assert "was compute-bound" in shown[3]


async def test_in_a_single_line_the_diagnosis_comes_first() -> None:
    panel = MachinePanel()
    panel.styles.border = ("none", "transparent")
    panel.styles.height = 1
    shown = await drawn(panel, (80, 3), lambda: panel.show(view(sampled(note=NOTE))))
    assert shown[0].rstrip() == " compute-bound: engine on 1.9 of 2 cores · CPU 98 % · RAM 1.7/27 GB · no GPU"


async def test_the_name_of_a_gpu_is_sanitized() -> None:
    shown = "\n".join(await panel_lines(sampled(GpuSample("evil\x1b[2J[b]")), (120, 8)))
    assert "\x1b" not in shown
    assert "evil?[2J[b]" in shown


@pytest.mark.parametrize("device", ["[/x]", "[x='", "[/", "back\\", "[$quiet"])
async def test_a_device_that_looks_like_markup_is_shown_as_it_is(device: str) -> None:
    shown = await panel_lines(sampled(hardware=Hardware(device, 2, 25 << 30)), (60, 8))
    assert f"Machine  {device} " in shown[0]
