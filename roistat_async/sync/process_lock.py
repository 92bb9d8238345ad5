"""Lock of a copy between processes, held by the operating system until the process ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from ..errors import SyncError

# The lock file is never removed: two processes could otherwise lock two files of one name.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@define
class _ProcessLock:
    """Lock that this process has, and the projects that share it."""

    fd: int
    projects: set[int | None] = field(factory=set)


_locks: dict[str, _ProcessLock] = {}
_mutex = threading.Lock()


def acquire(copy: Path, project: int | None) -> Callable[[], None]:
    """Lock a project of a copy for this process; return the function that unlocks it.

    None stands for the whole copy, in which only one run may write at a time. Raises SyncError if
    another process, or another run of this process, has the lock.
    """
    name = os.path.realpath(copy)
    with _mutex:
        lock = _locks.get(name)
        if lock is None:
            lock = _locks[name] = _ProcessLock(_open_locked(Path(name)))
        if project in lock.projects:
            what = "it" if project is None else f"project {project}"
            raise SyncError(
                f"{copy}: {what} is already being synced by this program; "
                "wait for it to end, or pass the same target object to all syncs",
                in_use=True,
            )
        lock.projects.add(project)
    return _Release(name, lock, project)


class _Release:
    """Function that unlocks a project once; the last project of a copy frees the lock."""

    def __init__(self, name: str, lock: _ProcessLock, project: int | None) -> None:
        self._name, self._lock, self._project = name, lock, project
        self._is_released = False

    def __call__(self) -> None:
        with _mutex:
            if self._is_released or _locks.get(self._name) is not self._lock:
                return  # a forked child has no locks
            self._is_released = True
            self._lock.projects.discard(self._project)
            if not self._lock.projects:
                del _locks[self._name]
                os.close(self._lock.fd)


def _open_locked(copy: Path) -> int:
    """Open and lock a file beside the copy.

    The database itself is never opened here: POSIX removes all locks that a process has on a
    file, those of SQLite as well, when the process closes any descriptor of it.
    """
    path = copy.with_name(copy.name + ".lock")
    in_use = False
    try:
        fd = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        problem = f"{path} cannot be opened ({error.strerror}); check the permissions of its folder"
    else:
        try:
            _lock_fd(fd)
        except BlockingIOError:
            problem = f"another sync is writing to {copy}; wait for it to end, or stop it"
            in_use = True
        except OSError as error:
            problem = f"{path} cannot be locked ({error.strerror}); put the copy elsewhere"
        else:
            return fd
        os.close(fd)
    raise SyncError(problem, in_use=in_use)


if sys.platform == "win32":
    import msvcrt

    def _lock_fd(fd: int) -> None:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None

else:
    import fcntl

    def _lock_fd(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _drop_after_fork() -> None:
    """Close the locks of a forked child, which could otherwise hold them after its parent ended."""
    global _mutex
    _mutex = threading.Lock()
    for lock in _locks.values():
        os.close(lock.fd)
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_after_fork)
