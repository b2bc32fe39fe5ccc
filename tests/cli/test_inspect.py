"""`evaluate` and the run's own test images."""

import sys
from pathlib import Path

import pytest

from mnist_tui.cli import inspect, listing_inspection
from mnist_tui.cli.main import run_command
from mnist_tui.control.jobs import JobReport
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EndReason
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from tests.kit import samples

TESTED = [samples.run_ended()]
UNTESTED: list[list[AnyEvent]] = [[], [samples.run_ended(EndReason.KILLED, test_accuracy=None)]]


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Data sets that were evaluated."""
    specs: list[str] = []

    def do_job(_: RunDirectory, name: str, spec: str) -> JobReport:
        specs.append(spec)
        return JobReport("done", 1.0, name)

    monkeypatch.setattr(inspect, "_do_job", do_job)
    monkeypatch.setattr(inspect, "check_evaluated", lambda spec: spec)
    monkeypatch.setattr(listing_inspection, "figures_document", lambda *_: {})
    monkeypatch.setattr(listing_inspection, "print_figures", lambda _: None)
    return specs


def evaluate(monkeypatch: pytest.MonkeyPatch, events: list[AnyEvent], spec: str) -> None:
    run = create_run(samples.config())
    run.events_path.write_bytes(b"".join(map(encode, events)))
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "evaluate", run.id, "--data", spec])
    run_command()


@pytest.mark.parametrize("events", UNTESTED, ids=["live or crashed", "killed"])
def test_the_test_images_are_not_evaluated_before_the_end_of_the_run(
    events: list[AnyEvent], evaluated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match=r"mnist is the data of run .* once, at its end"):
        evaluate(monkeypatch, events, "mnist")
    assert evaluated == []


def test_test_images_that_are_evaluated_again_are_no_longer_unseen(
    evaluated: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(monkeypatch, [*TESTED], "mnist")
    assert evaluated == ["mnist"]
    assert "no longer unseen" in capsys.readouterr().err


@pytest.mark.parametrize("events", [*UNTESTED, [*TESTED]])
def test_other_data_can_be_evaluated_at_any_time(
    events: list[AnyEvent],
    evaluated: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    other = str(tmp_path / "other.npz")
    evaluate(monkeypatch, events, other)
    assert evaluated == [other]
    assert capsys.readouterr().err == ""
