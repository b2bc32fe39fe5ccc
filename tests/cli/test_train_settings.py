"""Settings of `train` from a file and from an earlier run."""

from pathlib import Path

import pytest

from mnist_tui.cli.settings_files import settings_as_toml, settings_from, settings_like
from mnist_tui.cli.wiring import catalogue
from mnist_tui.runs.directory import create_run
from tests.test_documents import status

GIVEN = {
    "preset": "reference",
    "learning_rate": "1e-8",
    "limit": "120",
    "name": "quick-one",
    "early_stopping": "loss:3",
    "steps_per_execution": "4",
    "ensemble": "1",
}


def test_a_printed_file_gives_the_same_settings(tmp_path: Path) -> None:
    config, file = catalogue().complete(GIVEN), tmp_path / "run.toml"
    file.write_text(settings_as_toml(config))
    assert catalogue().complete(settings_from(file)) == config


def test_a_run_is_repeated_with_changes_and_another_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = create_run(catalogue().complete(GIVEN))
    assert "name" not in settings_like(run.id)
    file = tmp_path / "run.toml"
    file.write_text("seed = 7\nepochs = 9\n")
    flags = ["--like", "quick-one", "--config", str(file), "--epochs", "5", "--print-config"]
    assert status(["mnist-tui", "train", *flags], monkeypatch) == 0
    file.write_text(capsys.readouterr().out)
    repeated = catalogue().complete(settings_from(file))
    expected = GIVEN | {"seed": "7", "epochs": "5"}
    del expected["name"]
    assert repeated == catalogue().complete(expected)
