import multiprocessing
import os

import pytest

from mmseg_splashkd.records.lock import is_locked, lock_folder

# Newer Pythons warn of forks beside torch's threads; the child here uses none.
forks = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def hold(work_dir, held, done):
    lock = lock_folder(work_dir)
    held.set()
    done.wait()
    os._exit(0 if lock.is_locked else 1)  # as a killed process: without a release


@forks
def test_lock_of_another_process_ends_with_it(tmp_path):
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, held, done))
    process.start()
    held.wait()
    assert is_locked(tmp_path)
    with pytest.raises(FileExistsError, match="another process trains there now"):
        lock_folder(tmp_path, timeout=0)
    done.set()
    process.join()
    assert process.exitcode == 0
    assert not is_locked(tmp_path)
    lock_folder(tmp_path).release()


def test_lock_of_this_process(tmp_path):
    assert not is_locked(tmp_path)
    assert not list(tmp_path.iterdir())  # the check leaves no file
    lock = lock_folder(tmp_path)
    assert is_locked(tmp_path)
    lock.release()
    assert not is_locked(tmp_path)
