"""Check of an own model before its run, in a process of its own: the user's code may do anything."""

import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import msgspec

from mnist_tui.config import ConfigError, DataFacts, ModelChoice, RunConfig
from mnist_tui.control import spawning
from mnist_tui.runs.model_source import Source
from mnist_tui.untrusted import read_bytes

CODE_SECONDS = 60.0
"""Time for the user's code to be imported, and again to build its model."""
MOST_SECONDS = 600.0
"""Time for the whole check, after which its process is killed."""
REQUEST, RESULT = "request.json", "result.json"
MAX_RESULT_BYTES = 1 << 16


class CheckRequest(msgspec.Struct, frozen=True):
    """Settings and data of the run to check for."""

    config: RunConfig
    """Settings of the run. The model is a copy of the user's."""
    facts: DataFacts
    code_seconds: float


class CheckResult(msgspec.Struct, frozen=True):
    """Findings of the process."""

    error: str = ""
    """One line, empty if the model can be trained."""
    notes: tuple[str, ...] = ()


def check_model(config: RunConfig, facts: DataFacts) -> Source:
    """Return the source of a run's own model, once a trial has shown that it can be trained.

    Raises:
        ConfigError: It cannot. The message names the file and the line.
    """
    source = Source(str(config.model))
    folder = source.choice.path.parent
    try:
        with tempfile.TemporaryDirectory(prefix="mnist-tui-model-", ignore_cleanup_errors=True) as name:
            copy = Path(name).resolve() / "source"
            source.write(copy)
            staged = msgspec.structs.replace(config, model=str(source.choice.at(copy)))
            result = _checked(CheckRequest(staged, facts, CODE_SECONDS), copy.parent)
    except OSError as error:
        raise ConfigError(f"model {source.choice.name} cannot be checked ({error.strerror}): free some space") from None
    if result.error:
        raise ConfigError(result.error.replace(str(copy), str(folder)))
    source.notes = result.notes
    return source


def _checked(request: CheckRequest, folder: Path) -> CheckResult:
    """Run the process in a session of its own, which is killed at the end with all that the user's code started."""
    (folder / REQUEST).write_bytes(msgspec.json.encode(request))
    command = ("mnist_tui.engine.jobs.check_model", str(folder))
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    name = ModelChoice.parse(str(request.config.model)).name
    with (folder / "output").open("wb") as output:
        process = spawning.spawn(*command, stdout=output, stderr=output, environment=environment, own_session=True)
    try:
        status = process.wait(MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return CheckResult(f"model {name} is not ready after {MOST_SECONDS:.0f} s: make it smaller")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    try:
        return msgspec.json.decode(read_bytes(folder / RESULT, MAX_RESULT_BYTES), type=CheckResult)
    except (OSError, msgspec.DecodeError):
        return CheckResult(
            f"model {name} ended the process that checked it (exit status {status}): remove what ends Python from it"
        )
