"""Starting or joining Ray, and the share of a machine that each run gets."""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

from mmseg_splashkd.sweep.job import Job
from mmseg_splashkd.sweep.tasks import run_task

OBJECT_STORE = 100 * 2**20  # bytes; tasks exchange files, not objects
AUTO = "auto"  # the cluster of this machine
REACHED = 10.0  # seconds in which a machine must answer
Nodes = Sequence[Mapping[str, float]]  # resources of each machine


@dataclass(frozen=True)
class Resources:
    """Machines and devices of a sweep.

    Args:
        address: Ray cluster to join, ``HOST:PORT`` or ``'auto'``; None: this machine.
        workers: Runs at once on each machine, from 1; by default as many as its GPUs
            allow, and one on a machine without GPUs.
        gpus_per_run: GPUs per run; by default 1 if a machine has GPUs, else 0.
        dashboard: Serve Ray's dashboard on this machine; not with ``address``.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_run: float | None = None
    dashboard: bool = False


@dataclass(frozen=True)
class Share:
    """Resources of one run.

    Args:
        cpus: CPU cores, also the number of threads unless ``OMP_NUM_THREADS`` is set.
        gpus: GPUs; a fraction lets several runs share one.
    """

    cpus: float
    gpus: float

    def capacity(self, nodes: Nodes) -> int:
        """Number of runs that fit on the machines at once, at least 1."""
        return max(sum(map(self._fits, nodes)), 1)

    def _fits(self, node: Mapping[str, float]) -> int:
        by_cpus = int(node.get("CPU", 0) / self.cpus + 1e-3)
        by_gpus = int(node.get("GPU", 0) / self.gpus + 1e-3) if self.gpus else by_cpus
        return min(by_cpus, by_gpus)


def share_of(nodes: Nodes, workers: int | None, gpus_per_run: float | None) -> Share:
    """Divide machines among runs.

    Args:
        nodes: Resources of each machine, ``'CPU'`` and ``'GPU'``.
        workers: Runs at once on each machine, from 1; None: one per GPU, or one
            without GPUs.
        gpus_per_run: GPUs of each run, a fraction or a whole number from 0; None: one
            on machines with GPUs, else 0.

    Raises:
        ValueError: No machine has the requested resources.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"--workers {workers}: it must be at least 1")
    most = max((node.get("GPU", 0) for node in nodes), default=0)
    gpus = (1 if most else 0) if gpus_per_run is None else gpus_per_run
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ValueError(f"--gpus-per-run {gpus}: give 0, a fraction or a whole number")
    if gpus > most:
        raise ValueError(f"--gpus-per-run {gpus}: no machine has more than {most:g}")
    usable = [node for node in nodes if node.get("GPU", 0) >= gpus and node.get("CPU")]
    if not usable:
        raise ValueError("no machine of the cluster has a CPU for runs")
    fit = int(most / gpus + 1e-3) if gpus else None
    if workers and fit and workers > fit:
        raise ValueError(
            f"--workers {workers}: a machine has {most:g} GPUs, enough for {fit} runs "
            f"at once. --gpus-per-run {most / workers:.2g} lets runs share a GPU"
        )
    cpus = min(node["CPU"] for node in usable) / (workers or fit or 1)
    # Whole cores where there are enough, so that runs get whole threads.
    return Share(float(int(cpus)) if cpus >= 1 else round(cpus, 3), gpus)


@contextmanager
def _joining(address: str | None) -> Iterator[None]:
    """Explain why a cluster cannot be joined."""
    try:
        if address is not None and address != AUTO:
            _reach(address)
        yield
    except (OSError, ray.exceptions.RayError) as error:
        if address is None:
            raise
        raise ValueError(
            f"--address {address}: no cluster can be joined there ({error}). Start it "
            f"with 'ray start', open its port, and give all machines the same token "
            f"and RAY_AUTH_MODE, see docs/sweeps.md"
        ) from error


def _reach(address: str) -> None:
    """Connect once: Ray itself would try for a quarter of an hour.

    Raises:
        OSError: Nothing answers.
        ValueError: It is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(
            f"--address {address!r}: give HOST:PORT of a Ray cluster, or {AUTO!r}"
        )
    socket.create_connection((host, int(port)), REACHED).close()


class Cluster:
    """Ray on this machine or on a cluster, connected on request.

    Args:
        resources: Address of the cluster and resources of each run.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._share: Share | None = None

    def connect(self) -> None:
        """Start Ray on this machine, or join a cluster.

        Raises:
            ValueError: No cluster can be joined at the address, or no machine has the
                requested resources.
        """
        resources, options = self.resources, self._options()
        with _joining(resources.address):
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        try:
            self._share = share_of(_nodes(), resources.workers, resources.gpus_per_run)
        except ValueError:
            self.close()
            raise

    def _options(self) -> dict[str, Any]:
        resources = self.resources
        if resources.address is None:
            return {
                "address": "local",
                "num_cpus": len(os.sched_getaffinity(0)),
                "include_dashboard": resources.dashboard,
                "object_store_memory": OBJECT_STORE,
            }
        if resources.dashboard:
            raise ValueError(
                "--dashboard: a cluster that is joined has its own, if any"
            )
        return {"address": resources.address}

    def close(self) -> None:
        """Stop Ray on this machine, or leave the cluster."""
        self._share = None
        ray.shutdown()

    def capacity(self) -> int:
        """Number of tasks that can run at once, at least 1."""
        return self._share.capacity(_nodes()) if self._share else 1

    def submit(self, job: Job) -> ray.ObjectRefGenerator:
        """Start a task for a job, where the resources of its share are free."""
        assert self._share is not None
        task = run_task.options(
            num_cpus=self._share.cpus,
            num_gpus=self._share.gpus,
            scheduling_strategy="SPREAD",
        )
        return task.remote(job, str(Path.cwd()), sys.argv)


def _nodes() -> Nodes:
    """Resources of every machine of the cluster that is alive."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
