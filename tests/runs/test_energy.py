"""The energy of a run, from its events."""

import pytest

from mnist_tui.events import AnyEvent, EndReason, GpuSample, Hardware, Phase, ResumeReason, RunEnded, RunResumed
from mnist_tui.runs.energy import Energy
from mnist_tui.runs.history import History
from tests.kit import samples
from tests.kit.samples import CREATED, phase_changed

ON_GPU = Hardware("NVIDIA H100", 16, 128 << 30)


def sample(at: float, seconds: float, cpu: float | None = None, *gpus: GpuSample) -> AnyEvent:
    return samples.hardware_sampled(time=CREATED + at, seconds=seconds, cpu_energy=cpu, gpus=gpus)


def run_of(*events: AnyEvent, hardware: Hardware | None = None) -> History:
    run = History(samples.record())
    run.apply(samples.run_started(**({"hardware": hardware} if hardware else {})))
    run.apply_all(events)
    return run


def test_energy_is_divided_by_time_where_the_phase_changes() -> None:
    run = run_of(
        phase_changed(Phase.COMPILING, 0),
        phase_changed(Phase.TRAINING, 1),
        samples.step_ended(1, time=CREATED + 1.5),
        sample(4, 4, 40.0),
        samples.step_ended(10, time=CREATED + 5),
        phase_changed(Phase.PAUSED, 6),
        sample(8, 4, 40.0),
    )
    assert run.energy.paused.cpu == pytest.approx(20.0)
    assert run.energy.worked.cpu == pytest.approx(60.0)
    batch = run.record.config.batch_size
    assert run.energy.joules_per_image == pytest.approx((30 + 20) / (10 * batch))


def test_energy_to_an_accuracy_is_that_of_the_first_epoch_that_reached_it() -> None:
    run = run_of(
        phase_changed(Phase.TRAINING, 0),
        samples.epoch_ended(1, time=CREATED + 2, validation_accuracy=0.985),
        sample(4, 4, 7_200.0),
        samples.epoch_ended(2, time=CREATED + 6, validation_accuracy=0.993),
        samples.epoch_ended(3, time=CREATED + 7, validation_accuracy=0.992),
    )
    assert run.energy.to_accuracies(run.epochs)["0.99"] is None  # until the next sample
    run.apply(sample(8, 4, 7_200.0))
    found = run.energy.to_accuracies(run.epochs)
    assert found == {
        "0.98": pytest.approx(1.0),
        "0.99": pytest.approx(3.0),
        "0.9929": pytest.approx(3.0),
        "0.995": None,
    }


@pytest.mark.parametrize("reason", [ResumeReason.RESUMED, ResumeReason.ROLLED_BACK])
def test_repeated_steps_use_energy_again(reason: ResumeReason) -> None:
    run = run_of(
        phase_changed(Phase.TRAINING, 0),
        samples.step_ended(10, time=CREATED + 1),
        sample(2, 2, 100.0),
        samples.epoch_ended(1, time=CREATED + 2.5),
        RunResumed(time=CREATED + 60, reason=reason, step=5, epoch=0, by="ada"),
        phase_changed(Phase.TRAINING, 61),
        samples.step_ended(10, time=CREATED + 62),
        sample(63, 2, 100.0),
    )
    assert run.energy.worked.cpu == pytest.approx(200.0)
    assert run.energy.images == 15 * run.record.config.batch_size
    assert not run.energy.at_epochs


def test_the_time_after_the_end_does_not_count() -> None:
    run = run_of(
        phase_changed(Phase.TRAINING, 0),
        sample(2, 2, 100.0),
        RunEnded(time=CREATED + 2, reason=EndReason.COMPLETED),
        RunResumed(time=CREATED + 100, reason=ResumeReason.TRAINED_ON, step=0, epoch=0, by="ada"),
        phase_changed(Phase.TRAINING, 100),
        sample(101, 99, 990.0),
    )
    assert run.energy.worked.cpu == pytest.approx(110.0)


@pytest.mark.parametrize(
    ("gpus", "hardware", "energy", "covers"),
    [
        ((GpuSample("a", is_used=True, energy=50.0),), ON_GPU, Energy(gpu=50.0), "whole GPUs; CPUs N/A"),
        (
            (GpuSample("a", is_used=True, energy=50.0, energy_is_estimated=True), GpuSample("b", energy=70.0)),
            ON_GPU,
            Energy(gpu=50.0),
            "whole GPUs by power samples; CPUs N/A",
        ),
        (
            (GpuSample("a", is_used=True, energy=50.0), GpuSample("b", is_used=True)),
            ON_GPU,
            Energy(),
            "GPUs and CPUs N/A",
        ),
        ((GpuSample("a", is_used=True, energy=50.0),), None, Energy(), "CPUs N/A"),
    ],
    ids=["one GPU", "another GPU idle", "one GPU unknown", "on the CPU"],
)
def test_only_gpus_that_the_run_uses_count(
    gpus: tuple[GpuSample, ...], hardware: Hardware | None, energy: Energy, covers: str
) -> None:
    run = run_of(phase_changed(Phase.TRAINING, 0), sample(2, 2, None, *gpus), hardware=hardware)
    assert run.energy.worked == energy
    assert run.energy.covers == covers
    assert run.energy.worked.watt_hours is None or run.energy.worked.watt_hours > 0


def test_energy_that_was_known_for_a_part_is_a_lower_bound() -> None:
    run = run_of(phase_changed(Phase.TRAINING, 0), sample(2, 2, None), sample(4, 2, 10.0))
    assert run.energy.is_partial
    assert run.energy.as_json(run.epochs)["watt_hours"] == pytest.approx(10 / 3_600)


def test_without_readings_everything_is_null() -> None:
    document = run_of(phase_changed(Phase.TRAINING, 0), sample(2, 2)).energy.as_json(())
    assert {document[key] for key in ("watt_hours", "cpu_watt_hours", "gpu_watt_hours", "joules_per_image")} == {None}
    assert not document["is_partial"]
