"""Plans for machines with and without GPUs, and rejected settings. NVML is faked."""

import os
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.cli import wiring
from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.control import client
from mnist_tui.engine import backends
from mnist_tui.engine.backends.planning import GPU_STEPS_PER_EXECUTION, plan, plan_before_import
from mnist_tui.engine.backends.runtime import out_of_memory_message
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware import detection, nvidia
from mnist_tui.engine.hardware.detection import describe_hardware, has_bfloat16, restrict_gpus
from mnist_tui.engine.hardware.nvidia import ORDER, VISIBLE, visible_gpus
from mnist_tui.engine.hardware.plan import Gpu, Machine, Plan
from mnist_tui.engine.training.feed import EpochFeed
from tests.engine.samples import few_digits
from tests.kit import samples

H100 = Gpu("NVIDIA H100", (9, 0), "0")
TURING = Gpu("NVIDIA T4", (7, 5), "0")
PASCAL = Gpu("NVIDIA P40", (6, 1), "0")
CPU = Machine((), has_bfloat16=False)
CPU_WITH_BFLOAT16 = Machine((), has_bfloat16=True)


class Nvml:
    """Stands in for the module pynvml: GPUs by number and by UUID."""

    def __init__(self, *gpus: Gpu) -> None:
        self._gpus = gpus

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> Gpu:  # noqa: N802
        if number < 0:
            raise RuntimeError("Invalid Argument")
        return self._gpus[number]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Gpu:  # noqa: N802
        return self._gpus[int(uuid.removeprefix("GPU-"))]

    def nvmlDeviceGetName(self, gpu: Gpu) -> str:  # noqa: N802
        return gpu.name

    def nvmlDeviceGetCudaComputeCapability(self, gpu: Gpu) -> tuple[int, int] | None:  # noqa: N802
        return gpu.capability


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables about GPUs and restore them afterwards."""
    for name in (VISIBLE, ORDER, detection.JAX_PLATFORMS, detection.ONEDNN_SWITCH, *detection.ISA_LIMITS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def with_gpus(monkeypatch: pytest.MonkeyPatch, *gpus: Gpu) -> None:
    found = visible_gpus
    monkeypatch.setattr(nvidia, "visible_gpus", lambda: found(Nvml(*gpus)))


def rejection(machine: Machine, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        plan(samples.config(**settings), machine)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_cpu_uses_single_steps_in_float32_without_xla() -> None:
    assert plan(samples.config(), CPU, (64, 64)) == Plan(
        on_gpu=False, count=1, precision="float32", jit=False, steps_per_execution=1, threads=None
    )


@pytest.mark.parametrize(
    ("machine", "channels", "precision"),
    [
        (CPU_WITH_BFLOAT16, (64, 64), "bfloat16"),
        (CPU_WITH_BFLOAT16, (8, 64), "float32"),
        (CPU_WITH_BFLOAT16, (), "float32"),
        (CPU, (64, 64), "float32"),
        (Machine((H100,), has_bfloat16=True), (64, 64), "float32"),
    ],
)
def test_auto_takes_bfloat16_only_where_it_was_measured_to_be_faster(
    machine: Machine, channels: tuple[int, ...], precision: str
) -> None:
    assert plan(samples.config(), machine, channels).precision == precision


def test_a_gpu_uses_xla_and_several_steps_per_execution() -> None:
    chosen = plan(samples.config(), Machine((H100,), has_bfloat16=False))
    assert (chosen.on_gpu, chosen.jit, chosen.steps_per_execution) == (True, True, GPU_STEPS_PER_EXECUTION)


@pytest.mark.parametrize(
    ("given", "gpus", "processes", "members"),
    [
        ({"preset": "best"}, (H100,), 1, 3),
        ({"preset": "best", "ensemble": "2"}, (H100,), 1, 2),
        ({"preset": "best", "device": "cpu"}, (H100,), 1, 1),
        ({"preset": "best", "early_stopping": "loss:3"}, (H100,), 1, 1),
        ({"preset": "best"}, (H100,), 2, 1),
        ({"preset": "best"}, (), 1, 1),
        ({"preset": "fast"}, (H100,), 1, 1),
        ({"ensemble": "fast,best"}, (H100,), 1, 2),
    ],
)
def test_best_is_an_ensemble_on_a_gpu_unless_the_settings_say_how_many(
    given: dict[str, str], gpus: tuple[Gpu, ...], processes: int, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, *gpus)
    started: list[RunConfig] = []
    monkeypatch.setattr(client, "start", lambda config, *_: started.append(config))
    place = Cluster("127.0.0.1", 1, 0, processes) if processes > 1 else None
    wiring.launch(wiring.catalogue().complete(given), place)
    (config,) = started
    assert len(config.members) == members
    assert config.ensemble == given.get("ensemble", str(members))


def test_several_gpus_use_single_steps_without_xla() -> None:
    chosen = plan(samples.config(device="gpu:0,1"), Machine((H100, H100), has_bfloat16=False))
    assert (chosen.count, chosen.jit, chosen.steps_per_execution) == (2, False, 1)


def test_settings_win_over_auto() -> None:
    config = samples.config(precision="float16", jit_compile="off", steps_per_execution=3, threads=2)
    assert plan(config, Machine((H100,), has_bfloat16=False)) == Plan(
        on_gpu=True, precision="float16", jit=False, steps_per_execution=3, threads=2
    )
    assert plan(samples.config(precision="float32"), CPU_WITH_BFLOAT16, (64,)).precision == "float32"
    assert plan(samples.config(jit_compile="on"), CPU).jit


def test_the_policy_is_named_as_in_keras() -> None:
    assert Plan(on_gpu=False).policy == "float32"
    assert Plan(on_gpu=False, precision="bfloat16").policy == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("machine", "settings", "reason"),
    [
        (CPU, {"precision": "float16"}, "'float16' cannot be used on a CPU: give float32"),
        (CPU, {"precision": "bfloat16"}, "this CPU has neither amx_bf16 nor avx512_bf16, or TF_ENABLE_ONEDNN_OPTS"),
        (
            Machine((PASCAL,), has_bfloat16=True),
            {"precision": "float16"},
            "P40 has compute capability 6.1, it takes 7.0",
        ),
        (Machine((TURING,), has_bfloat16=True), {"precision": "bfloat16"}, "it takes 8.0; give float32"),
        (CPU, {"device": "cpu:0,1,2"}, "batch_size 100 cannot be shared evenly by 3 devices: give a multiple of 3"),
        (
            CPU,
            {"device": "cpu:0,1", "jit_compile": "on"},
            "jit_compile 'on' cannot be used with several devices: give off",
        ),
        (CPU, {"device": "cpu:0,1", "steps_per_execution": 2}, "steps_per_execution 2 cannot be used with several"),
    ],
)
def test_settings_that_the_machine_does_not_support_are_rejected_in_one_line(
    machine: Machine, settings: dict[str, Any], reason: str
) -> None:
    assert reason in rejection(machine, **settings)


@pytest.mark.parametrize(
    ("device", "gpus", "reason"),
    [
        ("gpu", (), "'gpu' cannot be used: no NVIDIA GPU or driver is here; give --device cpu"),
        ("gpu:1", (H100,), "there is no GPU 1; there is only gpu:0"),
        ("gpu:0,5", (H100, H100), "there is no GPU 5; there is gpu:0 to gpu:1"),
    ],
)
def test_a_missing_device_is_rejected_before_the_start(
    monkeypatch: pytest.MonkeyPatch, device: str, gpus: tuple[Gpu, ...], reason: str
) -> None:
    with_gpus(monkeypatch, *gpus)
    with pytest.raises(ConfigError, match=reason):
        plan_before_import(samples.config(device=device))


@pytest.mark.parametrize(
    ("device", "visible", "shown"),
    [
        ("auto", None, "0"),
        ("gpu", None, "0"),
        ("gpu:1", None, "1"),
        ("gpu:2,0", None, "2,0"),
        ("gpu:1", "2,0", "0"),
        ("auto", "GPU-2", "GPU-2"),
        ("cpu", None, "-1"),
        ("cpu:0,1", "0,1", "-1"),
        ("auto", "-1", "-1"),
    ],
)
def test_a_backend_sees_only_the_selected_gpus(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, shown: str
) -> None:
    with_gpus(monkeypatch, H100, H100, H100)
    if visible is not None:
        monkeypatch.setenv(VISIBLE, visible)
    restrict_gpus(device)
    assert os.environ[VISIBLE] == shown
    assert os.environ.get(detection.JAX_PLATFORMS) == ("cpu" if shown == "-1" and device != "auto" else None)


def test_without_a_driver_no_gpu_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch)
    restrict_gpus("auto")
    assert VISIBLE not in os.environ


def test_gpus_are_those_that_cuda_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml(H100, TURING)
    assert [gpu.name for gpu in visible_gpus(nvml)] == [H100.name, TURING.name]
    monkeypatch.setenv(VISIBLE, "1, 7, 0")
    assert visible_gpus(nvml) == (Gpu(TURING.name, (7, 5), "1"),)  # CUDA stops at what it does not know
    monkeypatch.setenv(VISIBLE, "")
    assert visible_gpus(nvml) == ()


BFLOAT16_CPU = "processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16 sse\n"


@pytest.mark.parametrize(
    ("text", "environment", "has"),
    [
        (BFLOAT16_CPU, {}, True),
        ("flags\t\t: fpu amx_bf16\n", {detection.ONEDNN_SWITCH: "1"}, True),
        *((BFLOAT16_CPU, {detection.ONEDNN_SWITCH: text}, False) for text in ("0", "false", "False", "FALSE")),
        *((BFLOAT16_CPU, {name: "AVX2"}, False) for name in detection.ISA_LIMITS),
        (BFLOAT16_CPU, {detection.ISA_LIMITS[0]: "DEFAULT"}, True),
        ("flags\t\t: fpu avx512f\n", {}, False),
        ("", {}, False),
    ],
)
def test_bfloat16_takes_a_cpu_flag_and_onednn_without_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, environment: dict[str, str], has: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(detection, "CPU_INFO", tmp_path / "cpuinfo")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_bfloat16() is has


def test_a_machine_without_cpu_flags_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(detection, "CPU_INFO", tmp_path / "none")
    assert not has_bfloat16()


def test_the_hardware_is_described() -> None:
    def words(machine: Machine, **plan: Any) -> str:
        return describe_hardware(Plan(on_gpu=bool(machine.gpus), **plan), machine).device

    assert words(Machine((H100,), has_bfloat16=False)) == "NVIDIA H100"
    assert words(Machine((H100, H100), has_bfloat16=False), count=2) == "2 × NVIDIA H100"
    assert words(CPU).endswith(("CPU core", "CPU cores"))
    assert words(CPU, count=2, precision="bfloat16").endswith(" as 2 devices, bfloat16")


def test_an_out_of_memory_message_suggests_half_the_batch_size() -> None:
    message = out_of_memory_message(MemoryError(), 8_192) or ""
    assert "--batch-size 4096" in message
    assert "free some" in (out_of_memory_message(MemoryError(), 1) or "")
    assert out_of_memory_message(ValueError("out of memory"), 64) is None


def test_tensorflows_out_of_memory_error_is_recognised() -> None:
    import tensorflow as tf

    assert (
        out_of_memory_message(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), 128)
        is not None
    )
    assert out_of_memory_message(tf.errors.InvalidArgumentError(None, None, "wrong"), 128) is None


def test_jax_out_of_memory_error_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("jax").errors
    from mnist_tui.engine.backends.jax import Jax

    monkeypatch.setattr(backends, "current", Jax)
    full = errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 13.1GiB.")
    assert out_of_memory_message(full, 128) is not None
    assert out_of_memory_message(errors.JaxRuntimeError("INTERNAL: wrong"), 128) is None


def test_several_processes_use_single_steps() -> None:
    machine = Machine((H100,), has_bfloat16=False)
    assert plan(samples.config(backend="jax"), machine).steps_per_execution == GPU_STEPS_PER_EXECUTION
    assert plan(samples.config(backend="jax"), machine, processes=2).steps_per_execution == 1
    with pytest.raises(ConfigError, match="steps_per_execution 4 cannot be used by several processes: give 1"):
        plan(samples.config(backend="jax", steps_per_execution=4), machine, processes=2)


@pytest.mark.parametrize(("on_gpu", "limit", "digits"), [(True, 500, 480), (False, 500, 500), (True, 50, 50)])
def test_jax_on_a_gpu_drops_partial_batches(
    monkeypatch: pytest.MonkeyPatch, on_gpu: bool, limit: int, digits: int
) -> None:
    pytest.importorskip("jax")
    from mnist_tui.engine.backends.jax import Jax

    monkeypatch.setattr(backends, "current", Jax)
    config = samples.config(batch_size=60)
    several = Plan(on_gpu=on_gpu, steps_per_execution=4)
    assert EpochFeed(config, few_digits(limit), 10, Distribution(), several).count == digits
