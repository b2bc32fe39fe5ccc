"""Start of the processes of the engine."""

import subprocess
import sys
from collections.abc import Collection, Mapping
from typing import IO


def spawn(
    module: str,
    *arguments: str,
    stdout: int | IO[bytes],
    stderr: IO[bytes],
    environment: Mapping[str, str] | None = None,
    own_session: bool = False,
    descriptors: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE ARGUMENT ...` without stdin; raises OSError.

    Args:
        module: A module of the engine, which this process never imports.
        arguments: Its arguments.
        stdout: File, or subprocess.PIPE.
        stderr: File.
        environment: Its environment variables, by default those of this process.
        own_session: Give it a session of its own, so that it survives the terminal.
        descriptors: Descriptors that it inherits.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        start_new_session=own_session,
        pass_fds=descriptors,
    )
