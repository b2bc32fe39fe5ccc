"""What measurements come to, in figures, in sentences and on the screen."""

import json

import pytest

from mnist_tui.bench.report import print_measured
from mnist_tui.bench.results import MachineInfo, Measured, Speed, TimedRun, mark_of
from mnist_tui.bench.words import conclusion, machine_lines, mark_line
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


def test_the_mark_is_the_mean_over_the_runs_on_the_test_digits() -> None:
    mark = mark_of("fast", (run(0, 0.9936, 14.0), run(1, 0.9925, 16.0)))
    assert (mark.n, mark.reached, mark.split) == (2, 1, "test")
    assert mark.test_accuracy == pytest.approx(0.99305)
    assert mark.seconds == mark.training_seconds == 15.0
    assert conclusion(mark) == (
        "99.29 % of the test digits with fast: reached in 15.0 s of training (14.0 to 16.0, n = 2), in 1 of 2 runs"
    )


def test_a_mark_that_was_not_reached_has_no_seconds() -> None:
    mark = mark_of("fast", (run(0, 0.9928),))
    assert (mark.seconds, mark.training_seconds) == (None, 14.0)
    assert conclusion(mark) == "99.29 % of the test digits with fast: not reached: 99.28 % after 14.0 s of training"


def test_a_run_that_failed_counts_as_none() -> None:
    failed = TimedRun(seed=1, epochs=1, error="the disk is full")
    mark = mark_of("fast", (run(0, 0.9936), failed))
    assert (mark.n, mark.reached) == (1, 1)
    assert mark_line("fast", failed) == "fast, seed 1: not measured: the disk is full"
    assert mark_of("fast", (failed,)).test_accuracy is None
    assert conclusion(mark_of("fast", (failed,))).endswith("not measured")
    assert not Measured(machine=MACHINE, settings={}, seconds=10.0, presets=(SPEED,), mark=mark).complete


def test_the_machine_is_named_and_a_busy_one_says_so() -> None:
    assert machine_lines(MACHINE) == ["2 CPU cores, AMD EPYC, 8.0 GiB of memory", "mnist-tui 0.1.0, keras 3.15.1"]
    gpu = MachineInfo(
        device="NVIDIA H100", processor="", cpu_count=16, memory_bytes=8 << 30, load_before=9.0, versions={}
    )
    assert machine_lines(gpu) == [
        "NVIDIA H100, 16 CPU cores, 8.0 GiB of memory",
        "other programs were busy (load 9.0 on 16 cores): it is faster when they are not",
    ]


def test_the_table_has_a_line_for_each_preset(capsys: pytest.CaptureFixture[str]) -> None:
    mark = mark_of("fast", (run(0, 0.9936),))
    print_measured(Measured(machine=MACHINE, settings={}, seconds=10.0, presets=(SPEED, BROKEN), mark=mark))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:6] == ["fast", "64", "2,911", "2,800", "3,000", "10"] for line in lines)
    assert any(line.split()[:5] == ["best", "512", "–", "–", "–"] for line in lines)
    assert any("reached in 14.0 s" in line for line in lines)
    assert any("validation 99.00 %, test 99.36 %" in line for line in lines)
    assert any("out of memory" in line for line in lines)


def test_json_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    mark = mark_of("fast", (run(0, 0.9936),))
    listing.print_json(Measured(machine=MACHINE, settings={}, seconds=10.0, presets=(SPEED, BROKEN), mark=mark))
    document = json.loads(capsys.readouterr().out)
    assert document["machine"]["versions"]["keras"] == "3.15.1"
    assert [one["preset"] for one in document["presets"]] == ["fast", "best"]
    assert document["presets"][1]["error"].startswith("out of memory")
    assert document["mark"]["runs"][0]["test_accuracy"] == 0.9936
