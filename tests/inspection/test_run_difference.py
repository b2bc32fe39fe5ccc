"""Two runs on the same images, and on others."""

from pathlib import Path

import numpy as np
import pytest

from mnist_tui.analysis.significance import Paired
from mnist_tui.cli import main
from mnist_tui.inspection.run_difference import EvaluatedRun, differences
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.summary import history_without_steps
from tests.kit.recorded import Recording


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


def ended(home: Path, epochs: int, name: str) -> RunDirectory:
    recording = Recording.begin(home, planned=epochs, name=name)
    for _ in range(epochs):
        recording.end_epoch()
    recording.finish()
    return recording.run


def evaluated(run: RunDirectory) -> EvaluatedRun:
    return EvaluatedRun(run, history_without_steps(run))


@pytest.fixture
def runs(home: Path) -> tuple[RunDirectory, RunDirectory]:
    return ended(home, 1, "early-otter"), ended(home, 4, "late-otter")


def test_runs_are_tested_on_their_test_and_validation_images(runs: tuple[RunDirectory, RunDirectory]) -> None:
    test, validation = differences(*map(evaluated, runs))
    assert (test.split, validation.split) == ("test", "validation")
    assert test.paired is not None
    assert test.paired.total == 100
    assert validation.paired is not None
    right = []
    for run in runs:
        best = history_without_steps(run).best_epoch
        assert best is not None
        arrays = run.load_arrays(run.predictions_path(best.epoch))
        right.append(arrays["probabilities"].argmax(axis=1) == arrays["labels"])
    before, now = right
    assert validation.paired == Paired(int((now & ~before).sum()), int((before & ~now).sum()), 200)
    assert validation.paired.won > 0
    back = differences(*map(evaluated, reversed(runs)))[1].paired
    assert back == Paired(validation.paired.lost, validation.paired.won, 200)


def test_only_common_validation_images_count(runs: tuple[RunDirectory, RunDirectory]) -> None:
    first, second = runs
    for path in (second.digits_path("validation"), *(second.predictions_path(epoch) for epoch in range(1, 5))):
        arrays = {key: array[50:] for key, array in second.load_arrays(path).items()}
        second.save_arrays(path, **arrays)
    paired = differences(evaluated(first), evaluated(second))[1].paired
    assert paired is not None
    assert paired.total == 150


@pytest.mark.parametrize("array", ["images", "labels"])
def test_other_images_or_labels_are_not_tested(runs: tuple[RunDirectory, RunDirectory], array: str) -> None:
    first, second = runs
    for path in (second.digits_path("test"), second.predictions_path("test")):
        arrays = dict(second.load_arrays(path))
        if array in arrays:
            arrays[array] = np.roll(arrays[array], 1, axis=0)
        second.save_arrays(path, **arrays)
    test = differences(evaluated(first), evaluated(second))[0]
    assert test.paired is None
    assert test.words.startswith("no test comparison: the images")


def test_missing_predictions_are_named(runs: tuple[RunDirectory, RunDirectory]) -> None:
    runs[0].predictions_path("test").unlink()
    test, validation = differences(*map(evaluated, runs))
    assert "predictions are missing" in test.reason
    assert validation.paired is not None


def test_the_command_compares_with_the_first_run(
    runs: tuple[RunDirectory, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    main.commands.main(["compare", *(run.id for run in runs)], standalone_mode=False)
    out = capsys.readouterr().out
    assert "late-otter compared with early-otter" in out
    assert "test, 100 images of both:" in out
    assert out.count("95 % interval") >= 3
