"""Which of several processes this is: by flags, or by SLURM's variables when they are asked for."""

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


def test_without_a_coordinator_a_run_is_an_ordinary_one_also_inside_a_slurm_job() -> None:
    assert cluster_from(None, None, None, SLURM) is None


def test_flags_name_a_place() -> None:
    place = cluster_from("box:4000", 1, 2, {})
    assert place == Cluster("box", 4000, 1, 2)
    assert not place.leads
    assert cluster_from(place.address, 0, 2, {}) == Cluster("box", 4000, 0, 2)


def test_an_ipv6_address_is_read_as_it_is_written() -> None:
    place = cluster_from("[::1]:4000", 0, 2, {})
    assert place == Cluster("::1", 4000, 0, 2)
    assert place.address == "[::1]:4000"


def test_slurm_is_read_when_it_is_asked_for() -> None:
    place = cluster_from("slurm", None, None, SLURM)
    assert place is not None
    assert (place.host, place.process, place.processes) == ("gpu03", 3, 4)
    assert place.port in SLURM_PORTS


@pytest.mark.parametrize(
    ("nodes", "host"),
    [("one", "one"), ("one,two", "one"), ("n[1,3]", "n1"), ("gpu[003-005]-ib", "gpu003-ib"), ("a-b[07],c", "a-b07")],
)
def test_the_first_host_of_a_list(nodes: str, host: str) -> None:
    assert first_host(nodes) == host


@pytest.mark.parametrize(
    ("coordinator", "process", "processes", "words"),
    [
        (None, 1, None, "need a --coordinator"),
        ("box", 0, 2, "'box' is no address: give HOST:PORT"),
        ("box:0", 0, 2, "no address"),
        ("box:99999", 0, 2, "no address"),
        ("box:4000", None, 2, "give --coordinator HOST:PORT, --process-id I and --processes N"),
        ("box:4000", 2, 2, "--process-id 2 is not one of 2 processes: give 0 to 1"),
        ("box:4000", 0, 1, "--processes 1 is too few"),
        ("slurm", 0, 2, "leave them out"),
        ("slurm", None, None, "finds no SLURM_PROCID here: start it with srun"),
    ],
)
def test_what_names_no_place_is_told(
    coordinator: str | None, process: int | None, processes: int | None, words: str
) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as caught:
        cluster_from(coordinator, process, processes, {})
    assert words in str(caught.value)


def test_settings_that_a_team_cannot_share_are_told() -> None:
    place = Cluster("box", 4000, 0, 3)
    place.check(samples.config(backend="jax", batch_size=66))
    with pytest.raises(ConfigError, match="batch_size 64 cannot be shared by 3 processes evenly: give a multiple of 3"):
        place.check(samples.config(backend="jax", batch_size=64))
    with pytest.raises(ConfigError, match="on JAX, not on tensorflow: give --backend jax"):
        place.check(samples.config(batch_size=66))
