"""Bad input ends with status 2 and one line: what is wrong, where, and how to mend it; no run is left behind."""

import subprocess
from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run, list_runs
from tests.e2e.terminal import Terminal
from tests.kit import samples

BAD_USAGE = {
    "an unknown preset": (["train", "--preset", "resnet"], ["preset 'resnet' is not known", "choose one of", "fast"]),
    "an unknown backend": (
        ["train", "--backend", "theano"],
        ["backend 'theano'", "choose one of", "jax"],
    ),
    "a team on TensorFlow": (
        ["train", "--coordinator", "127.0.0.1:4000", "--process-id", "0", "--processes", "2"],
        ["train together on JAX, not on tensorflow", "give --backend jax"],
    ),
    "a process of nothing": (["train", "--process-id", "1"], ["need a --coordinator", "HOST:PORT"]),
    "no epochs": (["train", "--epochs", "0"], ["epochs 0", "from 1 to 10,000"]),
    "epochs below nothing": (["train", "--epochs", "-1"], ["epochs -1", "from 1 to 10,000"]),
    "epochs for ever": (["train", "--epochs", "1000000000"], ["epochs 1,000,000,000", "from 1 to 10,000"]),
    "a learning rate of nan": (["train", "--learning-rate", "nan"], ["learning_rate 'nan'", "give a number from"]),
    "a name that is no name": (["train", "--name", "a/b"], ["name 'a/b'", "use 1 to 40 letters"]),
    "data that are nowhere": (["train", "--data", "/nowhere.npz"], ["'/nowhere.npz' cannot be found", "give mnist or"]),
    "a config file that is missing": (["train", "--config", "/nowhere.toml"], ["/nowhere.toml", "give the path"]),
    "a run to show that is none": (["show", "nothing"], ["no run 'nothing'", "mnist-tui train"]),
    "a run to attach to that is none": (["attach", "nothing"], ["no run 'nothing'", "mnist-tui train"]),
    "a run to stop that is none": (["stop", "nothing"], ["no run 'nothing'", "mnist-tui train"]),
    "a run to resume that is none": (["resume", "nothing"], ["no run 'nothing'", "mnist-tui train"]),
    "a run to pause that is none": (["pause", "nothing"], ["no run 'nothing'", "mnist-tui train"]),
    "nothing to set": (["set", "last"], ["nothing to set", "give --epochs, --learning-rate or --early-stopping"]),
    "a learning rate that is none": (["set", "x", "--learning-rate", "x0"], ["'x0' cannot be used", "x0.5 or /2"]),
    "a rule that is none": (["train", "--early-stopping", "f1:3"], ["early_stopping 'f1:3'", "like loss:3"]),
    "a device that is none": (["train", "--device", "tpu"], ["device 'tpu' cannot be used", "like gpu:1 or gpu:0,1"]),
    "a GPU that is not there": (["train", "--device", "gpu:999"], ["device 'gpu:999' cannot be used"]),
    "half a digit": (["train", "--device", "cpu:0,1", "--batch-size", "65"], ["batch_size 65", "give a multiple of 2"]),
    "float16 on a CPU": (["train", "--device", "cpu", "--precision", "float16"], ["'float16' cannot", "give float32"]),
    "steps that are none": (["step", "x", "many"], ["'many' is not a valid integer", "--help`"]),
    "a preset to measure that is none": (["bench", "--preset", "resnet"], ["preset 'resnet' is not known", "fast"]),
    "no time to measure": (["bench", "--seconds", "0"], ["seconds '0' cannot be used", "from 0.1 to 3600"]),
    "no runs to the mark": (["bench", "--repeat", "none"], ["repeat 'none' is not a whole number", "from 1 to 100"]),
    "the newest of no runs": (["attach"], ["no run 'last'", "mnist-tui train"]),
    "an unknown command": (["frobnicate"], ["'frobnicate'", "--help`"]),
    "an unknown flag": (["train", "--frobnicate"], ["'--frobnicate'", "--help`"]),
    "a flag without its value": (["train", "--epochs"], ["'--epochs'", "--help`"]),
    "a command without its run": (["show"], ["'RUN'", "--help`"]),
    "the screen without a terminal": ([], ["stdin is no terminal", "--plain"]),
}


def complaint(command: list[str], env: dict[str, str]) -> str:
    """The one line on stderr of a program that refuses its input."""
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("mnist-tui: ")
    return done.stderr


def assert_refused(command: list[str], env: dict[str, str], *parts: str) -> None:
    """The program refuses, says all these things, and its home is as before."""
    home = Path(env[HOME_VARIABLE])
    before = sorted(home.iterdir()) if home.is_dir() else None
    line = complaint(command, env)
    for part in parts:
        assert part in line
    assert (sorted(home.iterdir()) if home.is_dir() else None) == before


@pytest.fixture
def finished(home: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run named `mine` that has no engine."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    return create_run(samples.config(name="mine"))


@pytest.mark.parametrize("bad", BAD_USAGE)
def test_bad_usage_is_told_in_one_line(bad: str, program: list[str], env: dict[str, str]) -> None:
    arguments, parts = BAD_USAGE[bad]
    assert_refused([*program, *arguments], env, *parts)


@pytest.mark.parametrize("way", ["--plain", "--detach"])
def test_a_home_that_cannot_be_written_is_told(
    way: str, program: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    below = str(tmp_path / "file" / "below")
    assert_refused([*program, "train", way], env | {HOME_VARIABLE: below}, below, f"set {HOME_VARIABLE} to a folder")


def test_a_second_run_of_one_name_is_told(finished: RunDirectory, program: list[str], env: dict[str, str]) -> None:
    assert_refused([*program, "train", "--detach", "--name", "mine"], env, "'mine' exists already", "another --name")
    assert [run.id for run in list_runs()] == [finished.id]


def test_stopping_a_run_that_is_over_is_told(finished: RunDirectory, program: list[str], env: dict[str, str]) -> None:
    assert_refused([*program, "stop", "mine"], env, finished.id, "no live engine", "mnist-tui show")


@pytest.mark.parametrize("command", ["pause", "continue", "step", "checkpoint", "rollback"])
def test_steering_a_run_that_is_over_is_told(
    command: str, finished: RunDirectory, program: list[str], env: dict[str, str]
) -> None:
    assert_refused([*program, command, "mine"], env, finished.id, "no live engine", "mnist-tui show")


@pytest.mark.parametrize("way", ["--plain", "--detach"])
def test_resuming_to_epochs_that_are_none_is_told(
    way: str, finished: RunDirectory, program: list[str], env: dict[str, str]
) -> None:
    assert finished.record().name == "mine"
    assert_refused([*program, "resume", "mine", way, "--epochs", "0"], env, "epochs 0", "from 1 to 10,000")
    assert_refused([*program, "resume", "mine", way, "--epochs", "+10000"], env, "--epochs 10,003", "at most 10,000")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"epochs = \n", ["is not TOML", "line 1", "epochs = 2"]),
        (b"\xff\xfe", ["is not TOML"]),
        (b"epoch = 3\n", ["'epoch' is not known", "choose from preset, epochs"]),
        (b"epochs = 0\n", ["epochs 0", "from 1 to 10,000"]),
        (b"epochs = [3]\n", ["epochs '[3]'", "from 1 to 10,000"]),
        (b"[epochs]\n", ["epochs '{}'", "from 1 to 10,000"]),
    ],
    ids=["no TOML", "no text", "an unknown key", "a bad value", "a list", "a table"],
)
def test_a_config_file_that_cannot_be_used_is_told_with_its_path(
    content: bytes, parts: list[str], program: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    assert_refused([*program, "train", "--config", str(path)], env, str(path), *parts)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 half a zip file"], ids=["empty", "rubbish", "half"])
def test_data_that_cannot_be_read_are_told_with_their_path(
    content: bytes, program: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    assert_refused([*program, "train", "--detach", "--data", str(path)], env, str(path))


@pytest.mark.parametrize("arguments", [[], ["train"]], ids=["home screen", "train"])
def test_a_terminal_that_cannot_show_the_screen_is_told(
    arguments: list[str], program: list[str], env: dict[str, str], home: Path
) -> None:
    with Terminal([*program, *arguments], size=(240, 24), env=env | {"TERM": "dumb"}) as terminal:
        assert terminal.wait_exit() == 2
        line = terminal.screen_text().split("\n", 1)[0]
        assert line.startswith("mnist-tui: TERM=dumb cannot show the screen: set TERM to ")
        assert terminal.screen_text().strip() == line
    assert list(home.iterdir()) == []
