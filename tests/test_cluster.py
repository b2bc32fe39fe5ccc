"""Clusters read from flags and from SLURM's environment variables."""

import pytest

from mnist_tui.cluster import SLURM_PORTS, Cluster, cluster_from, first_host
from mnist_tui.config import ConfigError
from tests.kit import samples

SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_JOB_ID": "12345678",
    "SLURM_JOB_NODELIST": "gpu[03-05,9],cpu1",
}


def test_without_coordinator_a_slurm_job_is_a_single_process() -> None:
    assert cluster_from(None, None, None, SLURM) is None


@pytest.mark.parametrize(("address", "host"), [("box:4000", "box"), ("[::1]:4000", "::1")])
def test_flags_describe_a_cluster(address: str, host: str) -> None:
    cluster = cluster_from(address, 1, 2, {})
    assert cluster == Cluster(host, 4000, 1, 2)
    assert cluster.address == address
    assert not cluster.is_coordinator


def test_slurm_describes_a_cluster() -> None:
    cluster = cluster_from("slurm", None, None, SLURM)
    assert cluster is not None
    assert (cluster.host, cluster.rank, cluster.world_size) == ("gpu03", 3, 4)
    assert cluster.port in SLURM_PORTS


@pytest.mark.parametrize(
    ("nodes", "host"),
    [("one", "one"), ("one,two", "one"), ("n[1,3]", "n1"), ("gpu[003-005]-ib", "gpu003-ib"), ("a-b[07],c", "a-b07")],
)
def test_first_host_of_a_node_list(nodes: str, host: str) -> None:
    assert first_host(nodes) == host


@pytest.mark.parametrize(
    ("coordinator", "rank", "world_size", "parts"),
    [
        (None, 1, None, ["--coordinator HOST:PORT"]),
        ("box", 0, 2, ["'box'", "HOST:PORT"]),
        ("box:0", 0, 2, ["'box:0'", "HOST:PORT"]),
        ("box:99999", 0, 2, ["'box:99999'", "HOST:PORT"]),
        ("box:4000", None, 2, ["--coordinator HOST:PORT, --process-id I and --processes N"]),
        ("box:4000", 2, 2, ["--process-id 2", "0 to 1"]),
        ("box:4000", 0, 1, ["--processes", "2"]),
        ("slurm", 0, 2, ["--process-id", "SLURM"]),
        ("slurm", None, None, ["SLURM_PROCID", "srun"]),
    ],
)
def test_bad_flags_raise_a_one_line_error(
    coordinator: str | None, rank: int | None, world_size: int | None, parts: list[str]
) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as caught:
        cluster_from(coordinator, rank, world_size, {})
    assert all(part in str(caught.value) for part in parts)


def test_settings_that_processes_cannot_share_raise_an_error() -> None:
    cluster = Cluster("box", 4000, 0, 3)
    cluster.check(samples.config(backend="jax", batch_size=66))
    with pytest.raises(ConfigError, match=r"batch_size 64 .* a multiple of 3"):
        cluster.check(samples.config(backend="jax", batch_size=64))
    with pytest.raises(ConfigError, match="tensorflow: give --backend jax"):
        cluster.check(samples.config(batch_size=66))
