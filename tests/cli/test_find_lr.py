"""`find-lr` prints the curve, the suggestion and the command to train with; or one JSON document."""

import json
import sys
from collections.abc import Iterator

import pytest

from mnist_tui.analysis.learning_rate import rates
from mnist_tui.cli.main import run_command
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.control import find_rate as control
from mnist_tui.control.jobs import JobReport
from mnist_tui.runs.directory import list_runs

TRIED = rates(60)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunConfig, int]]:
    """Settings and steps of each test, which finds a valley from 1e-4 to 0.05 and then explodes."""
    calls: list[tuple[RunConfig, int]] = []

    def stand_in(config: RunConfig, steps: int) -> Iterator[JobReport]:
        calls.append((config, steps))
        for rate in TRIED:
            loss = 2.3 if rate < 1e-4 else 0.5 if rate < 0.05 else None
            yield JobReport("step", 0.5, rates=((float(rate), loss),))
        yield JobReport("done", 1.0)

    monkeypatch.setattr(control, "find_rate", stand_in)
    return calls


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "find-lr", *arguments])
    return run_command()


def test_it_prints_the_curve_the_suggestion_and_the_command(
    asked: list[tuple[RunConfig, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, "--preset", "mlp", "--optimizer", "sgd", "--limit", "1200", "--steps", "60") == 0
    ((config, steps),) = asked
    assert (config.preset, config.optimizer, config.limit, steps) == ("mlp", "sgd", 1_200, 60)
    *curve, suggestion, command = capsys.readouterr().out.splitlines()
    assert "1e-6" in curve[-1]
    assert "│" in "".join(curve)
    rate = command.rpartition(" ")[2]
    assert 0.003 < float(rate) < 0.01
    assert command == f"mnist-tui train --preset mlp --optimizer sgd --limit 1200 --learning-rate {rate}"
    assert suggestion.startswith(f"suggested maximum learning rate: {rate}, as the loss rises above")
    assert list_runs() == []


def test_as_json_it_prints_every_step_with_null_where_the_loss_is_lost(
    asked: list[tuple[RunConfig, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, "--json") == 0
    assert asked[0][1] == control.STEPS
    document = json.loads(capsys.readouterr().out)
    assert document["rates"] == pytest.approx(TRIED.tolist())
    assert (document["losses"][0], document["losses"][-1]) == (2.3, None)
    assert document["command"].endswith(f"--learning-rate {document['suggestion']:g}")


@pytest.mark.parametrize("wrong", [("--steps", "3"), ("--preset", "resnet"), ("--batch-size", "0")])
def test_bad_settings_start_no_test(
    wrong: tuple[str, str], asked: list[tuple[RunConfig, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError):
        typed(monkeypatch, *wrong)
    assert asked == []
