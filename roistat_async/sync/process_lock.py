"""One sync of a database at a time: an operating system's lock, which ends with its process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from ..errors import SyncError

_FLAGS = (
    os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)  # the file stays: whoever removed it would let two processes lock two files of one name


@define
class _ProcessLock:
    """Be a lock of this process, and the projects it is shared by."""

    fd: int
    projects: set[int | None] = field(factory=set)


_held: dict[str, _ProcessLock] = {}
_mutex = threading.Lock()


def acquire(database: Path, project: int | None) -> Callable[[], None]:
    """Take a project of a database for this process; give what lets it go, once or more often.

    None stands for what all projects share, which only one may write at a time. Raises SyncError
    where another process, or somebody in this one, has it.
    """
    name = os.path.realpath(database)
    with _mutex:
        held = _held.get(name)
        if held is None:
            held = _held[name] = _ProcessLock(_locked(Path(name)))
        if project in held.projects:
            what = "it" if project is None else f"project {project}"
            raise SyncError(
                f"{database}: {what} is already being synced by this program; "
                "wait, or give all syncs the same target"
            )
        held.projects.add(project)
    return _Release(name, held, project)


class _Release:
    """Let a project go; the last one of its database frees the lock."""

    def __init__(self, name: str, held: _ProcessLock, project: int | None) -> None:
        self._name, self._held, self._project = name, held, project
        self._is_done = False

    def __call__(self) -> None:
        with _mutex:
            if self._is_done or _held.get(self._name) is not self._held:
                return  # a forked child has nothing to let go
            self._is_done = True
            self._held.projects.discard(self._project)
            if not self._held.projects:
                del _held[self._name]
                os.close(self._held.fd)


def _locked(database: Path) -> int:
    """Open and lock the file beside the database: never the database, whose locks SQLite has.

    (POSIX takes all of a process's locks of a file away when it closes any descriptor of it.)
    """
    path = database.with_name(database.name + ".lock")
    try:
        fd = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        problem = f"{path} cannot be opened ({error.strerror}); check the rights of its folder"
    else:
        try:
            _lock(fd)
        except BlockingIOError:
            problem = f"another sync is writing to {database}; wait for it to end, or stop it"
        except OSError as error:
            problem = f"{path} cannot be locked ({error.strerror}); put the database elsewhere"
        else:
            return fd
        os.close(fd)
    raise SyncError(problem)


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _drop_after_fork() -> None:
    """Leave the locks to the parent: a child that kept them open would outlive it with them."""
    global _mutex
    _mutex = threading.Lock()
    for held in _held.values():
        os.close(held.fd)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_after_fork)
