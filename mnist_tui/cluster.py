"""Settings of distributed training, read from flags or from SLURM's environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mnist_tui.config import ConfigError, RunConfig

SLURM = "slurm"
"""Value of --coordinator that reads the cluster from SLURM."""
SLURM_PORTS = range(20_000, 30_000)
"""Ports to choose from by job number, so that two jobs on one machine use different ones."""
FLAGS_HINT = "give --coordinator HOST:PORT, --process-id I and --processes N on every machine"
HINT = f"{FLAGS_HINT}, or --coordinator slurm"


@dataclass(frozen=True)
class Cluster:
    """Processes that train one model together, and the rank of this one."""

    host: str
    port: int
    rank: int
    world_size: int

    @property
    def is_coordinator(self) -> bool:
        """True for process 0: it listens at host and port, writes the run directory and is steered."""
        return self.rank == 0

    @property
    def address(self) -> str:
        """Address of process 0, as --coordinator takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def check(self, config: RunConfig) -> None:
        """Raise ConfigError if these processes cannot train with these settings."""
        if config.backend != "jax":
            raise ConfigError(f"only JAX trains with several processes, not {config.backend}: give --backend jax")
        if config.model:
            raise ConfigError("an own model trains in one process: leave --coordinator or --model out")
        if config.labels == "reviewed":
            raise ConfigError("reviewed labels train in one process: leave --coordinator or --labels out")
        if config.batch_size % self.world_size:
            raise ConfigError(
                f"batch_size {config.batch_size} does not divide evenly among {self.world_size} processes:"
                f" give a multiple of {self.world_size}"
            )


def cluster_from(
    coordinator: str | None, rank: int | None, world_size: int | None, environment: Mapping[str, str]
) -> Cluster | None:
    """Return the cluster that the flags describe, or None for a single process. Raise ConfigError."""
    if coordinator is None:
        if rank is not None or world_size is not None:
            raise ConfigError(f"--process-id and --processes need --coordinator: {HINT}")
        return None
    if coordinator == SLURM:
        if rank is not None or world_size is not None:
            raise ConfigError("--coordinator slurm reads --process-id and --processes from SLURM: leave them out")
        return _slurm_cluster(environment)
    found = re.fullmatch(r"\[?([^\[\]\s]+?)\]?:([0-9]{1,5})", coordinator)
    if found is None or not 0 < int(found[2]) < 2**16:
        raise ConfigError(f"--coordinator {coordinator!r} is no address: give HOST:PORT, the same on every machine")
    if rank is None or world_size is None:
        raise ConfigError(f"--coordinator also needs --process-id and --processes: {HINT}")
    return _checked(Cluster(found[1], int(found[2]), rank, world_size))


def _slurm_cluster(environment: Mapping[str, str]) -> Cluster:
    def number(name: str) -> int:
        text = environment.get(name, "")
        if not text.isdecimal():
            raise ConfigError(f"--coordinator slurm finds no {name}: start the command with srun, or {FLAGS_HINT}")
        return int(text)

    rank, world_size, job = (number(name) for name in ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_ID"))
    host = first_host(environment.get("SLURM_JOB_NODELIST", ""))
    return _checked(Cluster(host, SLURM_PORTS[job % len(SLURM_PORTS)], rank, world_size))


def first_host(nodes: str) -> str:
    """Return the first host of a SLURM node list: "gpu[03-05,9],cpu1" -> "gpu03"."""
    found = re.match(r"([^,\[]+)(?:\[([0-9]+)[^\]]*\])?([^,\[]*)", nodes)
    if found is None:
        raise ConfigError(f"SLURM_JOB_NODELIST {nodes!r} names no machine: {FLAGS_HINT}")
    return found[1] + (found[2] or "") + found[3]


def _checked(cluster: Cluster) -> Cluster:
    if cluster.world_size < 2:
        raise ConfigError("--processes must be at least 2: give more, or leave --coordinator out")
    if not 0 <= cluster.rank < cluster.world_size:
        raise ConfigError(
            f"--process-id {cluster.rank} is out of range for {cluster.world_size} processes:"
            f" give 0 to {cluster.world_size - 1}"
        )
    return cluster
