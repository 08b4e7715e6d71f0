"""Locks that the system frees when their holder dies, where the drive has any."""

import errno
import fcntl
from collections.abc import Callable

# A drive without locks, such as Lustre mounted without them.
HAS_NONE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def lock(handle: int, how: int, by: Callable[[int, int], object] = fcntl.flock) -> bool:
    """Lock an open file.

    Args:
        handle: Its file descriptor.
        how: ``fcntl.LOCK_EX`` or ``LOCK_SH``, with ``LOCK_NB`` to not wait.
        by: ``fcntl.flock``, which a fork shares, or ``fcntl.lockf``, which it does not.

    Returns:
        False where the drive knows no locks: a line is then still written at once.

    Raises:
        OSError: It cannot be locked; ``BlockingIOError`` or ``PermissionError`` if
            another process holds it and ``LOCK_NB`` is given.
    """
    try:
        by(handle, how)
    except OSError as error:
        if error.errno not in HAS_NONE:
            raise
        return False
    return True
