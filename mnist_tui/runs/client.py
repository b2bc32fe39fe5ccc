"""Starts engines and talks to live ones. The only way back from the screens to the training."""

import os
import socket
import subprocess
import sys

import msgspec

from mnist_tui.config import RunConfig
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, remove_run
from mnist_tui.runs.protocol import Answer, AnyRequest

ANSWER_SECONDS = 10.0


def start(config: RunConfig) -> RunDirectory:
    """Make a run directory and start an engine on it, in a session of its own so that no terminal can take it along.

    The lock is taken here and handed to the child: from its first moment the run is known to be alive. Raises RunError;
    then nothing is left behind.
    """
    run = create_run(config)
    try:
        lock = run.acquire_lock()
        try:
            with run.log_path.open("ab") as log:
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "mnist_tui.engine", str(run.path), "--lock", str(lock)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
        finally:
            os.close(lock)
    except OSError as error:
        remove_run(run)
        raise RunError(f"the engine cannot be started ({error.strerror}): free some memory and try again") from None
    return run


def ask(run: RunDirectory, request: AnyRequest) -> None:
    """Send a request to the run's engine and wait for its answer; raises RunError when there is none or it refuses."""
    endpoint = run.endpoint()
    if endpoint is None or endpoint.socket is None:
        raise RunError(f"run {run.id} has no live engine that listens: `mnist-tui show {run.id}` says how it ended")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(endpoint.socket)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            line = connection.makefile("rb").readline()
        answer = msgspec.json.decode(line, type=Answer)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"the engine of run {run.id} (process {endpoint.pid}) does not answer: {error}") from None
    if not answer.ok:
        raise RunError(f"the engine of run {run.id} refused: {answer.error}")
