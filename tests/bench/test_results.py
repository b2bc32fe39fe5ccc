"""Results of `mnist-tui bench` as numbers, sentences, a table and JSON."""

import json

import pytest

from mnist_tui.bench.report import conclusion, machine_lines, print_result, run_line
from mnist_tui.bench.results import BenchResult, MachineInfo, Speed, TimedRun, TimeToAccuracy
from mnist_tui.cli import listing

MACHINE = MachineInfo(
    device="2 CPU cores",
    processor="AMD EPYC",
    cpu_count=2,
    memory_bytes=8 << 30,
    load_before=0.1,
    versions={"mnist-tui": "0.1.0", "keras": "3.15.1"},
)
SPEED = Speed(
    preset="fast",
    batch_size=64,
    images_per_second=2_911.4,
    lowest=2_800.0,
    highest=3_000.0,
    n=10,
    steps=455,
    measured_seconds=10.0,
    start_up_seconds=9.2,
    epoch_seconds=18.9,
)
BROKEN = Speed(preset="best", batch_size=512, error="out of memory: choose a smaller batch size")


def run(seed: int, accuracy: float, seconds: float = 14.0) -> TimedRun:
    return TimedRun(
        seed=seed,
        epochs=1,
        start_up_seconds=9.0,
        training_seconds=seconds,
        test_seconds=1.5,
        validation_accuracy=0.99,
        test_accuracy=accuracy,
    )


def result(*speeds: Speed, runs: list[TimedRun]) -> BenchResult:
    reached = TimeToAccuracy.of("fast", tuple(runs))
    return BenchResult(machine=MACHINE, settings={}, seconds=10.0, presets=speeds, time_to_accuracy=reached)


def test_the_time_to_accuracy_is_the_mean_over_the_runs() -> None:
    reached = TimeToAccuracy.of("fast", (run(0, 0.9936, 14.0), run(1, 0.9925, 16.0)))
    assert (reached.n, reached.reached, reached.split) == (2, 1, "test")
    assert reached.test_accuracy == pytest.approx(0.99305)
    assert reached.seconds == reached.training_seconds == 15.0
    for part in ("99.29 %", "with fast: reached in 15.0 s", "(14.0 to 16.0, n = 2)", "in 1 of 2 runs"):
        assert part in conclusion(reached)


def test_a_target_that_was_not_reached_has_no_seconds() -> None:
    reached = TimeToAccuracy.of("fast", (run(0, 0.9928),))
    assert (reached.seconds, reached.training_seconds) == (None, 14.0)
    assert "not reached: 99.28 % after 14.0 s" in conclusion(reached)


def test_a_failed_run_does_not_count() -> None:
    failed = TimedRun(seed=1, epochs=1, error="the disk is full")
    reached = TimeToAccuracy.of("fast", (run(0, 0.9936), failed))
    assert (reached.n, reached.reached) == (1, 1)
    assert run_line("fast", failed) == "fast, seed 1: not measured: the disk is full"
    assert TimeToAccuracy.of("fast", (failed,)).test_accuracy is None
    assert conclusion(TimeToAccuracy.of("fast", (failed,))).endswith("not measured")
    assert not result(SPEED, runs=[run(0, 0.9936), failed]).is_complete


def test_a_busy_machine_is_reported() -> None:
    assert machine_lines(MACHINE) == ["2 CPU cores, AMD EPYC, 8.0 GiB of memory", "mnist-tui 0.1.0, keras 3.15.1"]
    gpu = MachineInfo(
        device="NVIDIA H100", processor="", cpu_count=16, memory_bytes=8 << 30, load_before=9.0, versions={}
    )
    assert machine_lines(gpu)[0] == "NVIDIA H100, 16 CPU cores, 8.0 GiB of memory"
    assert "load 9.0 on 16 cores" in machine_lines(gpu)[1]


def test_the_table_has_a_row_for_each_preset(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(SPEED, BROKEN, runs=[run(0, 0.9936)]))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:6] == ["fast", "64", "2,911", "2,800", "3,000", "10"] for line in lines)
    assert any(line.split()[:5] == ["best", "512", "–", "–", "–"] for line in lines)
    assert any("reached in 14.0 s" in line for line in lines)
    assert any("validation 99.00 %, test 99.36 %" in line for line in lines)
    assert any("out of memory" in line for line in lines)


def test_json_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_json(result(SPEED, BROKEN, runs=[run(0, 0.9936)]).as_json())
    document = json.loads(capsys.readouterr().out)
    assert document["machine"]["versions"]["keras"] == "3.15.1"
    assert [one["preset"] for one in document["presets"]] == ["fast", "best"]
    assert document["presets"][1]["error"].startswith("out of memory")
    assert document["time_to_accuracy"]["runs"][0]["test_accuracy"] == 0.9936
    assert document["mark"] == document["time_to_accuracy"] | {"mark": 0.9929}
