import socket
from collections.abc import Iterator

import pytest
import ray
import ray.exceptions

from mmseg_splashkd.sweep.cluster import Cluster, Resources, share_of

CPUS = {"CPU": 8.0}
GPUS = {"CPU": 16.0, "GPU": 4.0}


@pytest.mark.parametrize(
    ("nodes", "workers", "gpus_per_run", "share", "capacity"),
    [
        ([CPUS], None, None, (8, 0), 1),
        ([CPUS], 3, None, (2, 0), 4),
        ([CPUS], 16, None, (0.5, 0), 16),
        ([CPUS, {"CPU": 4.0}], None, None, (4, 0), 3),
        ([GPUS], None, None, (4, 1), 4),
        ([GPUS], 2, None, (8, 1), 2),
        ([GPUS], None, 0.5, (2, 0.5), 8),
        ([GPUS], None, 2, (8, 2), 2),
        ([GPUS, GPUS, CPUS], None, None, (4, 1), 8),
        ([GPUS], 4, 0, (4, 0), 4),
    ],
)
def test_machines_are_divided(nodes, workers, gpus_per_run, share, capacity):
    found = share_of(nodes, workers, gpus_per_run)
    assert (found.cpus, found.gpus) == share
    assert found.capacity(nodes) == capacity


@pytest.mark.parametrize(
    ("nodes", "workers", "gpus_per_run", "reason"),
    [
        ([CPUS], 0, None, "--workers 0: it must be at least 1"),
        ([CPUS], None, 1, "--gpus-per-run 1: no machine has more than 0"),
        ([GPUS], None, 5, "no machine has more than 4"),
        ([GPUS], None, 1.5, "--gpus-per-run 1.5: give 0, a fraction or a whole"),
        ([GPUS], None, -1, "--gpus-per-run -1"),
        ([GPUS], 8, None, "--workers 8: .* 4 GPUs, .* --gpus-per-run 0.5 lets"),
        ([{"GPU": 1.0}], None, None, "no machine of the cluster has a CPU"),
    ],
)
def test_what_no_machine_can_run_is_refused(nodes, workers, gpus_per_run, reason):
    with pytest.raises(ValueError, match=reason):
        share_of(nodes, workers, gpus_per_run)


def test_a_dashboard_belongs_to_the_cluster_that_is_joined():
    with pytest.raises(ValueError, match="--dashboard"):
        Cluster(Resources(address="10.0.0.1:6379", dashboard=True)).connect()


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "error",
    [ConnectionError("no route"), ray.exceptions.AuthenticationError("no route")],
)
def test_a_cluster_that_cannot_be_joined_is_a_message(monkeypatch, error, port):
    def init(**_: object) -> None:
        raise error

    monkeypatch.setattr(ray, "init", init)
    address = f"127.0.0.1:{port}"
    with pytest.raises(ValueError, match=rf"--address {address}: no .*no route.*token"):
        Cluster(Resources(address=address)).connect()
    with pytest.raises(type(error), match="no route"):  # this machine: not expected
        Cluster(Resources()).connect()


def test_an_address_without_a_cluster_is_refused_at_once(monkeypatch, port):
    def init(**_: object) -> None:
        raise AssertionError("Ray would try for a quarter of an hour")

    monkeypatch.setattr(ray, "init", init)
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    with pytest.raises(ValueError, match=f"127.0.0.1:{closed}: no cluster can be join"):
        Cluster(Resources(address=f"127.0.0.1:{closed}")).connect()
    with pytest.raises(AssertionError):
        Cluster(Resources(address=f"127.0.0.1:{port}")).connect()
    for word in ("nonsense", "far:", ":1", "far:x"):
        with pytest.raises(ValueError, match=f"--address '{word}': give HOST:PORT"):
            Cluster(Resources(address=word)).connect()
