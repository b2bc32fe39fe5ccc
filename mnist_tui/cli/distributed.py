"""Flags of a training that several processes share, on one machine or on several."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mnist_tui.cluster import Cluster, cluster_from

OPTIONS = (
    click.option(
        "--coordinator", metavar="HOST:PORT", help="Train with several processes: address of process 0, or slurm."
    ),
    click.option("--process-id", type=int, help="With --coordinator: rank of this process, from 0."),
    click.option("--processes", type=int, help="With --coordinator: number of processes."),
)


def distribution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the three flags, which the command gets as `cluster`, None for an ordinary run; raises ConfigError."""

    @wraps(command)
    def with_cluster(coordinator: str | None, process_id: int | None, processes: int | None, **others: Any) -> Any:
        return command(cluster=cluster_from(coordinator, process_id, processes, os.environ), **others)

    wrapped: Callable[..., Any] = with_cluster
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def follow(cluster: Cluster) -> int:
    """Run a worker process with its plain lines on stdout, and return its exit status; raises RunError.

    A worker has no run directory. Messages of JAX go into a log file beside the runs.
    """
    import subprocess

    from mnist_tui.runs.directory import RunError, home

    log = home() / f"process-{cluster.rank}.log"
    command = [sys.executable, "-P", "-m", "mnist_tui.engine.distributed.worker"]
    command += map(str, (cluster.host, cluster.port, cluster.rank, cluster.world_size))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as messages:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=messages)
    except OSError as error:
        raise RunError(
            f"cannot start a worker with the log {log} ({error.strerror}): free some memory or disk"
        ) from None
    try:
        status = worker.wait()
    finally:
        if worker.poll() is None:
            worker.terminate()
    if status < 0:  # JAX kills a worker that loses process 0
        reason = f"process {cluster.rank} lost process 0 at {cluster.address}, or was killed"
        click.echo(f"mnist-tui: {reason}: see `mnist-tui runs` there, and {log}", err=True)
        return 1
    return status
