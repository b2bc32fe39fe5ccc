"""A home for runs that nothing else uses, a time zone that is the same everywhere, and the golden screens."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.ui import model_loader
from mnist_tui.ui.find_rate import search
from tests.kit.recording import Replay, time_zone

GOLDEN = Path(__file__).parent / "golden"
Golden = Callable[[str, list[str]], None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that MNIST_TUI_HOME names, below a HOME of its own; it does not exist yet. The time zone is UTC."""
    path = tmp_path / ".local" / "share" / "mnist-tui"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(HOME_VARIABLE, str(path))
    with time_zone("UTC"):
        yield path


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[RunDirectory]:
    """Runs whose models would have been loaded, each in an engine of its own."""
    runs: list[RunDirectory] = []
    monkeypatch.setattr(model_loader, "load_model", runs.append)
    return runs


@pytest.fixture(autouse=True)
def _no_range_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find no learning rate, which would start an engine."""
    monkeypatch.setattr(search, "find_rate", lambda _: iter(()))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a screen's lines with golden/NAME.txt; with --update-golden, writes that file."""

    def compare(name: str, lines: list[str]) -> None:
        path = GOLDEN / f"{name}.txt"
        shown = [line.rstrip() for line in lines]
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n".join(shown) + "\n", "utf-8")
            return
        expected = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        if shown != expected:
            diff = difflib.unified_diff(expected, shown, f"golden/{path.name}", "shown", lineterm="")
            pytest.fail("\n".join(["another screen than the golden one (--update-golden accepts it)", *diff]), False)

    return compare


@pytest.fixture
def replay() -> Replay:
    """A run in its second of three epochs."""
    replay = Replay()
    replay.to_step(1_200)
    return replay


@pytest.fixture(autouse=True, scope="session")
def parsed_once() -> Iterator[None]:
    """Parse each style sheet once for all apps, not three times for each. Textual shares parsed rules itself, too."""
    parse, parsed = Stylesheet._parse_rules, dict[tuple[object, ...], list[RuleSet]]()

    def parse_once(sheet: Stylesheet, *arguments: Any, **options: Any) -> list[RuleSet]:
        key = (frozenset(sheet._variables.items()), arguments, frozenset(options.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *arguments, **options)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield
