"""The rank of this process in a distributed run, from flags or from SLURM's environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mnist_tui.config import ConfigError, RunConfig

SLURM = "slurm"
"""Value of --coordinator that reads rank and world size from SLURM."""
SLURM_PORTS = range(20_000, 30_000)
"""Ports of the coordinator. The job number selects one, so that two jobs on one machine do not collide."""
BY_HAND = "give --coordinator HOST:PORT, --process-id I and --processes N on every machine"
WAY = f"{BY_HAND}, or --coordinator slurm"


@dataclass(frozen=True)
class Cluster:
    """One process of a distributed run. Process 0 is the coordinator: it listens at `host` and `port`."""

    host: str
    port: int
    process: int
    processes: int

    @property
    def leads(self) -> bool:
        """Return True for the coordinator, which writes the run directory and is steered."""
        return self.process == 0

    @property
    def address(self) -> str:
        """Return the address as --coordinator takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def check(self, config: RunConfig) -> None:
        """Check that the processes can train with these settings; raises ConfigError."""
        if config.backend != "jax":
            raise ConfigError(f"several processes train together on JAX, not on {config.backend}: give --backend jax")
        if config.batch_size % self.processes:
            raise ConfigError(
                f"batch_size {config.batch_size} cannot be shared by {self.processes} processes evenly:"
                f" give a multiple of {self.processes}"
            )


def cluster_from(
    coordinator: str | None, process: int | None, processes: int | None, environment: Mapping[str, str]
) -> Cluster | None:
    """Return the process that the flags describe; None for a run of one process. Raises ConfigError."""
    if coordinator is None:
        if process is not None or processes is not None:
            raise ConfigError(f"--process-id and --processes need a --coordinator: {WAY}")
        return None
    if coordinator == SLURM:
        if process is not None or processes is not None:
            raise ConfigError("--coordinator slurm reads --process-id and --processes from SLURM: leave them out")
        return _slurm_place(environment)
    found = re.fullmatch(r"\[?([^\[\]\s]+?)\]?:([0-9]{1,5})", coordinator)
    if found is None or not 0 < int(found[2]) < 2**16:
        raise ConfigError(f"--coordinator {coordinator!r} is no address: give HOST:PORT, the same on every machine")
    if process is None or processes is None:
        raise ConfigError(f"--coordinator also needs --process-id and --processes: {WAY}")
    return _checked(Cluster(found[1], int(found[2]), process, processes))


def _slurm_place(environment: Mapping[str, str]) -> Cluster:
    def number(name: str) -> int:
        text = environment.get(name, "")
        if not text.isdecimal():
            raise ConfigError(f"--coordinator slurm finds no {name} here: start it with srun, or {BY_HAND}")
        return int(text)

    process, processes, job = (number(name) for name in ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_ID"))
    nodes = environment.get("SLURM_JOB_NODELIST", "")
    port = SLURM_PORTS[job % len(SLURM_PORTS)]
    return _checked(Cluster(first_host(nodes), port, process, processes))


def first_host(nodes: str) -> str:
    """Return the first host of a SLURM node list: "gpu[03-05,9],cpu1" -> "gpu03"."""
    found = re.match(r"([^,\[]+)(?:\[([0-9]+)[^\]]*\])?([^,\[]*)", nodes)
    if found is None:
        raise ConfigError(f"SLURM_JOB_NODELIST {nodes!r} names no machine: {BY_HAND}")
    return found[1] + (found[2] or "") + found[3]


def _checked(cluster: Cluster) -> Cluster:
    if cluster.processes < 2:
        raise ConfigError(f"--processes {cluster.processes} is too few: give 2 or more, or omit --coordinator")
    if not 0 <= cluster.process < cluster.processes:
        raise ConfigError(
            f"--process-id {cluster.process} is not one of {cluster.processes} processes:"
            f" give 0 to {cluster.processes - 1}"
        )
    return cluster
