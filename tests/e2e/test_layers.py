"""The layers screen with a real engine, in a real terminal."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Call, kill_engine, only_run
from tests.e2e.terminal import Terminal


@pytest.mark.full
def test_the_layers_of_a_finished_run_and_of_its_epochs(
    call: Call, program: list[str], env: dict[str, str], home: Path
) -> None:
    assert call("train", "--limit", "1200", "--epochs", "3").returncode == 0
    with Terminal([*program, "attach"], (120, 40), env) as terminal:
        terminal.wait_for("test accuracy")
        terminal.press("7")
        terminal.wait_for("conv1, 16 maps of 24×24 · epoch")
        terminal.wait_for("parameters 400")
        terminal.press("tab")
        terminal.wait_for("conv1, weights")
        terminal.press("down", "down")
        terminal.wait_for("moving variance")
        terminal.press("tab", "tab", "end", *["down"] * 14)
        terminal.wait_for("probabilities, 10 units")
        terminal.press("up", "up", "up", "{")
        terminal.wait_for("initial weights")
        terminal.press("P")
        terminal.wait_for("epoch 2 of 3")
        terminal.wait_for("epoch 3 of 3")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    kill_engine(only_run(home))
