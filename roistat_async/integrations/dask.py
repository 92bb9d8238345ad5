"""Sync of many projects on Dask: `run_part` as a task for each project.

The scheduler, the retries and the workers are those of Dask distributed. The key reaches the
workers by their environment only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import define, frozen

from ..clock import Clock
from ..errors import ConfigurationError, RoistatError, SyncError
from ..extras import import_extra
from ..sync import Part, PartReport, SyncProgress, run_part
from ..tracebacks import hides_arguments
from ..validation import require_int

if TYPE_CHECKING:
    from distributed import Client, Future

_THREADS = 4  # of a local worker; a project mostly waits for the network
_RECONNECT_PAUSE = 0.1  # seconds
_INTERVAL = 1.0  # seconds between two reports of progress
_MAX_SLOW = 5
WARN_AFTER = 30.0
"""Seconds after which a log message says that no part has begun."""
# A local cluster restarts a worker that was killed, but gives it up for good if it is restarting
# again 15 s later. The tasks of a cluster without workers would wait for ever.
_NO_LOST_WORKERS = {"distributed.deploy.lost-worker-timeout": "1000 days"}
_CLOCK = Clock()
_logger = logging.getLogger("roistat_async")


@frozen(kw_only=True)
class DaskProgress:
    """Progress of `sync_on_dask`.

    Attributes:
        projects: number of all projects.
        done: number of projects that ended, the failed ones too.
        failed: number of projects that failed or were refused.
        calls: calls that were read so far.
        seconds: time since the start.
        slow: the running projects that take longest, at most five, with their seconds.
    """

    projects: int
    done: int
    failed: int
    calls: int
    seconds: float
    slow: tuple[tuple[int, float], ...] = ()


OnDaskProgress = Callable[[DaskProgress], object]


@hides_arguments
def sync_on_dask(
    parts: Iterable[Part],
    scheduler: str | Client = "local",
    *,
    retries: int = 5,
    progress: OnDaskProgress | None = None,
) -> list[PartReport]:
    """Run parts on the workers of Dask, and return a report for each part, in their order.

        parts = plan(projects, to="postgresql://user@host/database", since=start)
        reports = sync_on_dask(parts, "tcp://scheduler:8786")
        failed = [report.part for report in reports if report.status != "ok"]  # to run again

    Arguments:
        parts: what `plan` returned.
        scheduler: address of the scheduler, e.g. tcp://scheduler:8786; "local" for processes of
            this machine, one for each core, or "local:4"; or an open `distributed.Client`.
        retries: how often a part is run again if its worker or the scheduler is lost. Dask itself
            runs it up to four times before it counts a worker as killed by it.
        progress: called with a DaskProgress each second, in this thread.

    Each worker needs roistat_async, ROISTAT_API_KEY or ROISTAT_API_KEY_FILE in its environment,
    and access to the copy. A script that uses "local" needs `if __name__ == "__main__":`, because
    each process imports it.

    A failed project does not end the others. What it copied stays, and its next run resumes there.
    """
    require_int(retries, "retries", minimum=0)
    with _opened(scheduler) as client:
        return _DaskRun(client, list(parts), retries, progress).run()


@define
class _Task:
    """Part that is being run, and how often it was submitted again."""

    index: int
    part: Part
    retries: int = 0


class _DaskRun:
    """Run of some parts."""

    def __init__(
        self, client: Client, parts: list[Part], retries: int, progress: OnDaskProgress | None
    ) -> None:
        self._client = client
        self._parts = parts
        self._retries = retries
        self._progress = progress
        self._topic = f"roistat_async-{uuid4().hex[:12]}"
        self._ended: SimpleQueue[Future[PartReport]] = SimpleQueue()
        self._tasks: dict[Any, _Task] = {}
        self._futures: dict[Any, Future[PartReport]] = {}
        self._reports: dict[int, PartReport] = {}
        self._running = _RunningParts()
        self._has_warned = False

    def run(self) -> list[PartReport]:
        """Run all parts; cancel them if this thread is interrupted."""
        self._subscribe()
        started_at = _CLOCK.monotonic()
        try:
            self._submit([_Task(index, part) for index, part in enumerate(self._parts)])
            while self._tasks:
                self._collect()
                seconds = _CLOCK.monotonic() - started_at
                self._warn_without_workers(seconds)
                self._report_progress(seconds)
        finally:
            self._stop()
        return [self._reports[index] for index in range(len(self._parts))]

    def _submit(self, tasks: list[_Task]) -> None:
        # Dask would return the old result for the name of an earlier task.
        names = [f"{self._topic}-{task.part.project}-{task.retries}" for task in tasks]
        futures = self._client.map(
            _run_on_worker,
            [task.part for task in tasks],
            [self._topic] * len(tasks),
            key=names,
            pure=False,
        )
        for task, future in zip(tasks, futures, strict=True):
            self._tasks[future.key] = task
            self._futures[future.key] = future
            future.add_done_callback(self._ended.put)

    def _collect(self) -> None:
        """Wait for a part that ends, at most for an interval."""
        try:
            future = self._ended.get(timeout=_INTERVAL)
        except Empty:
            return
        report = _fetch_report(future)
        task = self._tasks.pop(future.key)
        del self._futures[future.key]
        if report is not None:
            self._finish(task, report)
        elif _is_lost(future) and task.retries < self._retries and self._is_connected():
            self._running.drop(task.part.project)
            self._submit([_Task(task.index, task.part, task.retries + 1)])
        else:
            error = _describe(future, task.part)
            self._finish(task, PartReport(part=task.part, status="failed", error=error))

    def _finish(self, task: _Task, report: PartReport) -> None:
        self._reports[task.index] = report
        self._running.drop(task.part.project)

    def _is_connected(self) -> bool:
        """Wait while the client connects to a scheduler that was restarted."""
        pause = Event()
        while self._client.status == "connecting":
            pause.wait(_RECONNECT_PAUSE)
        if self._client.status != "running":
            return False
        self._subscribe()  # a new scheduler does not know of it
        return True

    def _warn_without_workers(self, seconds: float) -> None:
        """Warn once if no part has begun; no error, as a cluster may add workers on demand."""
        has_started = self._has_warned or self._reports or self._running.slow
        if seconds >= WARN_AFTER and not has_started:
            self._has_warned = True
            text = "no part has begun for %.0f s: has the Dask scheduler a worker that is free?"
            _logger.warning(text, seconds)

    def _subscribe(self) -> None:
        self._client.subscribe_topic(self._topic, self._running.on_event)

    def _report_progress(self, seconds: float) -> None:
        if self._progress is not None:
            reports = self._reports.values()
            self._progress(
                DaskProgress(
                    projects=len(self._parts),
                    done=len(reports),
                    failed=sum(report.status != "ok" for report in reports),
                    calls=sum(report.calls_read for report in reports) + self._running.calls,
                    seconds=seconds,
                    slow=self._running.slow,
                )
            )

    def _stop(self) -> None:
        if self._client.status == "running":
            self._client.unsubscribe_topic(self._topic)
            if self._futures:
                self._client.cancel(list(self._futures.values()), force=True)


class _RunningParts:
    """What the workers report of the parts that they run; written by the thread of the client."""

    def __init__(self) -> None:
        self._events: dict[int, tuple[int, float]] = {}

    def on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Store an event of a worker."""
        _, message = event
        self._events[message["project"]] = (message["calls"], message["seconds"])

    def drop(self, project: int) -> None:
        """Remove a project that ended."""
        self._events.pop(project, None)

    @property
    def calls(self) -> int:
        """Calls that the running parts have read."""
        return sum(calls for calls, _ in [*self._events.values()])

    @property
    def slow(self) -> tuple[tuple[int, float], ...]:
        """Projects that have run longest, with their seconds."""
        running = [(project, seconds) for project, (_, seconds) in [*self._events.items()]]
        return tuple(sorted(running, key=lambda item: -item[1])[:_MAX_SLOW])


def _run_on_worker(part: Part, topic: str) -> PartReport:
    """Run a part in a thread of a worker, and report its progress as events."""
    worker = import_extra("distributed", extra="dask").get_worker()
    reported_at = -_INTERVAL

    def report(progress: SyncProgress) -> None:
        nonlocal reported_at
        if progress.seconds >= reported_at + _INTERVAL:
            reported_at = progress.seconds
            event = {
                "project": progress.project,
                "calls": progress.calls,
                "seconds": progress.seconds,
            }
            worker.log_event(topic, event)

    return run_part(part, progress=report)


def _fetch_report(future: Future[PartReport]) -> PartReport | None:
    """Return the report of a task; None if it failed, or if its report was lost with a worker."""
    if future.status == "finished":
        with suppress(Exception):  # its status then says why
            return future.result()
    return None


def _is_lost(future: Future[PartReport]) -> bool:
    """Return whether a task ended because its workers or the scheduler were lost."""
    if future.status != "error":
        return True
    killed: type[Exception] = import_extra("distributed.scheduler", extra="dask").KilledWorker
    return isinstance(future.exception(), killed)


def _describe(future: Future[PartReport], part: Part) -> SyncError:
    """Return the error of a task that returned no report; it shows no text of another library."""
    if future.status != "error":
        return SyncError(
            "the connection to the Dask scheduler was lost; run this part again, and it resumes",
            temporary=True,
        )
    if _is_lost(future):
        return SyncError(
            f"each worker that ran project {part.project} was killed; the log of a worker says "
            "why, mostly too little memory. Run this part again, and it resumes",
            temporary=True,
        )
    error = future.exception()
    if isinstance(error, ImportError):
        return SyncError(f"a worker lacks {error.name}: install it there, in the same version")
    return SyncError(f"unexpected {type(error).__name__} on a worker; its log has the traceback")


@contextmanager
def _opened(scheduler: str | Client) -> Iterator[Client]:
    """Yield a client, and close afterwards what was opened for it."""
    distributed = import_extra("distributed", extra="dask")
    if not isinstance(scheduler, str):
        yield scheduler
        return
    if scheduler != "local" and not scheduler.startswith("local:"):
        with _connected(distributed, scheduler) as client:
            yield client
        return
    config = import_extra("dask.config", extra="dask")
    with (
        config.set(_NO_LOST_WORKERS),
        distributed.LocalCluster(
            n_workers=_worker_count(scheduler),
            threads_per_worker=_THREADS,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _connected(distributed: Any, address: str) -> Client:
    try:
        client: Client = distributed.Client(address, set_as_default=False)
    except ValueError:  # of an address that cannot be parsed
        problem: RoistatError = ConfigurationError(
            "the scheduler must be tcp://host:8786, another address of Dask, or local[:N]"
        )
    except OSError:
        problem = SyncError(
            f"no Dask scheduler answers at {address}; start it, or check the address",
            temporary=True,
        )
    else:
        return client
    raise problem


def _worker_count(scheduler: str) -> int:
    _, colon, number = scheduler.partition(":")
    if not colon:
        return os.cpu_count() or 1
    if not number.isdecimal() or int(number) < 1:
        raise ConfigurationError("local:N needs a number of processes, e.g. local:4")
    return int(number)
