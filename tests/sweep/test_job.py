from collections.abc import Iterator
from dataclasses import dataclass

from filelock import FileLock

from mmseg_splashkd.sweep.job import Job


@dataclass(frozen=True)
class Count(Job):
    """Appends a line to a file."""

    def result(self) -> float | None:
        done = self.folder / "done"
        return float(len(done.read_text())) if done.is_file() else None

    def work(self) -> Iterator[str]:
        yield "counts"
        self.folder.mkdir()
        with (self.folder / "done").open("a") as file:
            file.write("x")


def lock_of(job: Job) -> FileLock:
    return FileLock(job.folder.with_name(f".{job.folder.name}.lock"))


def is_free(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except TimeoutError:
        return False
    lock.release()
    return True


def test_complete_work_is_not_repeated(tmp_path):
    job = Count("config.py", {}, tmp_path / "teachers" / "fold0")
    steps = job()
    assert next(steps) == "counts"
    assert not is_free(lock_of(job))
    assert end(steps) == job.result() == 1
    assert is_free(lock_of(job))
    assert end(job()) == 1


def test_a_folder_in_which_another_process_works_is_waited_for(tmp_path):
    job = Count("config.py", {}, tmp_path / "fold0")
    lock = lock_of(job)
    with lock.acquire():
        second = job()
        assert next(second) == "waits for another process"
        job.folder.mkdir()
        (job.folder / "done").write_text("x")
    assert end(second) == 1  # which the other process completed


def end(steps: Iterator[str]) -> float | None:
    """Run to the end; the result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
