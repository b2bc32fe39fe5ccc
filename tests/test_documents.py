"""The documents are true: their commands run, their files exist, and README.md's two commands are those of CI."""

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mnist_tui.__main__ import main
from mnist_tui.cli.main import commands
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.textbook import pages
from tests.__main__ import CHECKS
from tests.bench.__main__ import main as bench
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import recorded_run

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    name: (ROOT / name).read_text("utf-8")
    for name in (
        "README.md",
        "CHANGELOG.md",
        "mnist_tui/README.md",
        "tests/README.md",
        "tests/bench/README.md",
        ".github/CONTRIBUTING.md",
        ".github/SECURITY.md",
        "assets/NOTICE.md",
        *(f"assets/why/{page.name}.md" for page in pages()),
    )
}
README = DOCUMENTS["README.md"]
CI_COMMANDS = re.findall(r"```sh\n(.*)\n```", README)

SHORTENED: dict[str, str | None] = {
    # trains for minutes, asks for a terminal or imports Keras: only the flags are checked
    "mnist-tui": "mnist-tui --help",
    "mnist-tui train [flags]": "mnist-tui train --help",
    "mnist-tui compare RUN RUN... [--json]": "mnist-tui compare --help",
    "mnist-tui data SPEC [--json] [--kaggle DIR]": "mnist-tui data --help",
    "mnist-tui evaluate RUN --data SPEC [--json]": "mnist-tui evaluate --help",
    "mnist-tui submit RUN FILE [-o submission.csv]": "mnist-tui submit --help",
    "mnist-tui predict RUN FILE... [--show] [--json]": "mnist-tui predict --help",
    "mnist-tui new-model FILE.py": "mnist-tui new-model --help",
    "mnist-tui bench [--json]": "mnist-tui bench --help",
    "mnist-tui doctor [--json]": "mnist-tui doctor --help",
    "mnist-tui resume RUN": "mnist-tui resume --help",
    "mnist-tui find-lr [flags]": "mnist-tui find-lr --help",
    # a synopsis: brackets filled in
    "mnist-tui attach [RUN]": "mnist-tui attach --plain",
    "mnist-tui stop RUN [--now]": "mnist-tui stop RUN --now",
    "mnist-tui runs [FILTER...]": "mnist-tui runs preset:fast",
    "mnist-tui show RUN [--json]": "mnist-tui show RUN --json",
    "mnist-tui queue [COMMAND]": "mnist-tui queue --json",
    "mnist-tui step RUN [COUNT]": "mnist-tui step RUN 2",
    "mnist-tui set RUN [flags]": "mnist-tui set RUN --epochs +1 --learning-rate /2 --early-stopping loss:3",
    "mnist-tui label-issues RUN [--cross-check] [-o F]": "mnist-tui label-issues RUN",
    "mnist-tui export RUN --format FORMAT [-o PATH]": "mnist-tui export RUN --format epochs-csv -o -",
    "mnist-tui import FILE [--name NAME]": "mnist-tui import --help",
    # needs several processes, or writes to the checkout
    "mnist-tui train --backend jax --batch-size 128 --coordinator HOST:PORT --processes 2 --process-id 0": None,
    "mnist-tui train --backend jax --batch-size 128 --coordinator HOST:PORT --processes 2 --process-id 1": None,
    "srun mnist-tui train --backend jax --batch-size 128 --coordinator slurm": None,
    "pre-commit install": None,
    "git diff tests/ui/golden": None,
    "python -m tests": None,  # this very suite
    "python -m tests.screenshots": None,  # test_screenshots.py paints one
    # takes minutes: only the flags are checked
    "python -m tests.bench link --json": "python -m tests.bench --help",
}
"""Short command to run instead of one that takes long or is a synopsis. None: only its flags are checked."""


def shown_commands() -> Iterator[str]:
    """Yield the commands in the fenced blocks of all documents, without explanations."""
    for text in DOCUMENTS.values():
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in block.splitlines():
                command = re.split(r"\s+#|\s{2,}", line.strip())[0]
                if language == "sh" or re.match(r"(srun )?mnist-tui\b", command):
                    yield command


COMMANDS = sorted({command for command in shown_commands() if command and command not in CI_COMMANDS})


@pytest.fixture
def run_id() -> Iterator[str]:
    """Id of a recorded run whose engine is a fake that accepts every request."""
    with FakeEngine(recorded_run()) as engine:
        yield engine.run.id


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert len(CI_COMMANDS) == 2
    assert [command for command in CI_COMMANDS if command not in script] == []
    assert CI_COMMANDS[1] in DOCUMENTS[".github/CONTRIBUTING.md"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_documents_runs(
    command: str, run_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = SHORTENED.get(command, command)
    program, *arguments = shlex.split(command if short is None else short)
    if program == "mnist-tui" and short is None:
        parse(arguments)
    elif program == "mnist-tui":
        arguments = [run_id if argument == "RUN" else argument for argument in arguments]
        assert status(["mnist-tui", *arguments], monkeypatch) == 0, capsys.readouterr().err
    elif arguments[:2] == ["-m", "pytest"]:
        assert paths(arguments)
    elif short is not None:
        assert arguments[:2] == ["-m", "tests.bench"]
        monkeypatch.setattr(sys, "argv", ["tests.bench", *arguments[2:]])
        with contextlib.suppress(SystemExit):
            assert bench() == 0


def test_pytest_has_the_options_that_the_documents_show() -> None:
    shown = [shlex.split(command)[3:] for command in COMMANDS if command.startswith("python -m pytest")]
    options = [option for arguments in shown for option in arguments if option not in paths(arguments)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qq", "tests/test_metrics.py", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout + done.stderr


def test_every_shortened_command_is_in_a_document() -> None:
    assert [command for command in SHORTENED if command not in COMMANDS] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_the_text_have_known_flags(document: str) -> None:
    for command in re.findall(r"`mnist-tui ([^`\n]+)`", DOCUMENTS[document]):
        parse(shlex.split(command))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", DOCUMENTS[document])
    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


def test_the_readme_is_short_and_names_every_command_and_preset() -> None:
    assert len(README.splitlines()) <= 170
    assert [name for name in commands.commands if f"mnist-tui {name}" not in README] == []
    assert [name for name in PRESETS if f"- `{name}`" not in README] == []


def test_the_architecture_lists_every_room() -> None:
    package = ROOT / "mnist_tui"
    rooms = {path.parent.relative_to(package) for path in package.glob("**/__init__.py")} - {Path()}
    assert [room for room in rooms if f"{room.name}/" not in DOCUMENTS["mnist_tui/README.md"]] == []


def test_the_pre_commit_hooks_are_checks_of_ours() -> None:
    hooks = re.findall(r"entry: python (.*)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert len(hooks) == 3
    checks = [" ".join(command) for command in CHECKS.values()]
    assert [hook for hook in hooks if hook.removesuffix(" --force-exclude") not in checks] == []


def parse(arguments: list[str]) -> None:
    """Parse the arguments of `mnist-tui` without running anything; raises click.UsageError if a flag is unknown."""
    name, *rest = arguments
    if name.startswith("-"):
        return
    with contextlib.suppress(click.exceptions.Exit, click.MissingParameter), click.Context(commands):
        commands.commands[name].make_context(name, rest)


def status(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """Run the program in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0


def paths(arguments: list[str]) -> list[str]:
    """Return the arguments that are existing paths."""
    return [argument for argument in arguments if (ROOT / argument).exists()]
