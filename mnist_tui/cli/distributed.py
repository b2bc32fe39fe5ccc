"""The flags of a training that several processes share, on one machine or on many."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mnist_tui.cluster import Cluster, cluster_from

OPTIONS = (
    click.option("--coordinator", metavar="HOST:PORT", help="Train with others: where process 0 is; or slurm."),
    click.option("--process-id", type=int, help="With --coordinator: which process this is, from 0."),
    click.option("--processes", type=int, help="With --coordinator: how many there are."),
)


def distribution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The three flags, which come to the command as its `place`: None for an ordinary run. Raises ConfigError."""

    @wraps(command)
    def with_place(coordinator: str | None, process_id: int | None, processes: int | None, **others: Any) -> Any:
        return command(cluster=cluster_from(coordinator, process_id, processes, os.environ), **others)

    placed: Callable[..., Any] = with_place
    for option in reversed(OPTIONS):
        placed = option(placed)
    return placed


def follow(cluster: Cluster) -> int:
    """Train with the others in a process of its own, whose plain lines come here; returns the exit status.

    It has no run directory here. What JAX says goes into a log beside the runs. Raises RunError.
    """
    import subprocess

    from mnist_tui.runs.directory import RunError, home

    log = home() / f"process-{cluster.process}.log"
    command = [sys.executable, "-P", "-m", "mnist_tui.engine.distributed.worker"]
    command += map(str, (cluster.host, cluster.port, cluster.process, cluster.processes))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as messages:
            follower = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=messages)
    except OSError as error:
        raise RunError(f"{log} cannot be written, or no process started ({error.strerror}): make room") from None
    try:
        status = follower.wait()
    finally:
        if follower.poll() is None:
            follower.terminate()
    if status < 0:  # JAX ends a process that cannot reach the first one any more
        reason = f"process {cluster.process} lost process 0 at {cluster.address}, or was killed"
        click.echo(f"mnist-tui: {reason}: see `mnist-tui runs` there, and {log}", err=True)
        return 1
    return status
