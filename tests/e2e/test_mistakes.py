"""The real program in a real terminal: from a trained network to one misread digit, its past and its reasons."""

import csv
import re
from pathlib import Path

from tests.e2e.terminal import Terminal
from tests.e2e.test_training import only_run

FIRST = re.compile(r"1 of \d+  #\d{5}: ")
NUMBER = re.compile(r"#(\d{5})")
SHOWN = re.compile(r"╭─ #(\d{5}) ─")


def test_a_person_opens_the_worst_cell_and_one_digit_travels_two_epochs_back_and_judges_a_label(
    program: list[str], env: dict[str, str], home: Path
) -> None:
    with Terminal([*program, "train", "--limit", "3000", "--epochs", "3"], (120, 40), env) as terminal:
        terminal.wait_for("test accuracy")
        terminal.press("2")
        terminal.wait_for("Worst confusions")
        terminal.wait_for("epoch 3 of 3")
        terminal.press("c")
        terminal.wait_for("compared with epoch 2")
        terminal.press("esc")
        terminal.wait_gone("compared with")

        terminal.press("enter")
        terminal.wait_until(lambda screen: FIRST.search(screen) is not None, "to list the digits of the cell")
        terminal.press("enter")
        terminal.wait_for("Answer")
        terminal.wait_for(", epoch 3")
        title = NUMBER.search(terminal.screen_text())
        assert title is not None
        terminal.press("[", "[")
        terminal.wait_for("epoch 1 of 3")
        terminal.wait_for(", epoch 1")
        assert title.group() in terminal.screen_text(), "another digit after two epochs back"

        terminal.wait_for("o: what spoke for it")  # the engine stays for as long as a screen is attached
        terminal.press("o")
        terminal.wait_for("against")
        terminal.press("tab")
        terminal.wait_for("labelled")
        terminal.press("tab")
        terminal.wait_for("2 px left")

        terminal.press("esc")
        terminal.wait_gone("Answer")
        terminal.press("}", "a")
        terminal.wait_for("digits  wrong")
        terminal.press("/")
        terminal.wait_for("Tab Complete")
        terminal.press(*"wrong conf<0.99")
        terminal.wait_for("wrong conf<0.99 ·")
        terminal.press("enter")
        terminal.wait_gone("Tab Complete")
        terminal.press("e")
        terminal.wait_for("digits in")  # and where; a long path is cut into lines
        assert (only_run(home).path / "exports" / "digits-001.csv").exists()

        terminal.press("4")
        terminal.wait_for("Disputed labels")
        terminal.wait_until(lambda screen: SHOWN.search(screen) is not None, "to show a disputed digit")
        shown = SHOWN.search(terminal.screen_text())
        assert shown is not None
        terminal.press("u")
        terminal.wait_for("unreadable")
        terminal.press("e")
        terminal.wait_for("1 verdict written")
        (review,) = csv.DictReader((only_run(home).path / "verdicts.csv").read_text("utf-8").splitlines())
        assert (int(review["index"]), review["verdict"]) == (int(shown[1]), "unreadable")
        assert review["split"] == "validation"
        terminal.press("q")
        assert terminal.wait_exit() == 0
