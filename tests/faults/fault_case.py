"""One row of the fault table, and the operations that meet it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import field, frozen

from roistat_async import CallDraft, Roistat, Timeouts, errors
from tests.faults.secrets import MARKER, PHONE, SENT_PHONE
from tests.helpers.clients import PATIENT
from tests.helpers.raw_server import Handler

ATTEMPTS = 4
BRISK = Timeouts(connect=0.15, response=0.15, read=0.15)

Operation = Callable[[Roistat, Path], Awaitable[object]]


@frozen
class FaultCase:
    """Fault on the wire and what must come of it.

    `repeats` says how often a read is repeated for it, of three times at most; `create` and
    `download` what else they raise.
    """

    number: str
    what: str
    fault: Handler
    error: type[errors.RoistatError] = field(kw_only=True)
    says: str = field(kw_only=True)
    repeats: int = ATTEMPTS - 1
    create: type[errors.RoistatError] = errors.OutcomeUnknownError
    download: type[errors.RoistatError] | None = None
    timeouts: Timeouts = PATIENT
    phase: str | None = None
    is_tls: bool = False


def table(rows: list[FaultCase]) -> pytest.MarkDecorator:
    """Parametrize a test by every case, under the number of its row."""
    ids = [f"{row.number} {row.what}" for row in rows]
    return pytest.mark.parametrize("row", rows, ids=ids)


async def read(roistat: Roistat, number: int = 7) -> None:
    """Read one call and check that it belongs to this request."""
    pager = roistat.calls.list(filters=[("caller", "=", PHONE)], offset=number)
    call = await pager.first()
    assert call is not None
    assert call.id == str(number)


async def read_scripts(roistat: Roistat, _: Path) -> object:
    """Read scripts: a request without a body."""
    return await roistat.scripts.list()


async def create(roistat: Roistat, _: Path = Path()) -> None:
    """Create a call and check that the response belongs to this request."""
    created = await roistat.calls.create(_draft())  # in no variable: a traceback shows them
    assert created.comment == MARKER


def _draft() -> CallDraft:
    date = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    return CallDraft(callee=SENT_PHONE, caller=PHONE, date=date, comment=MARKER)


async def change(roistat: Roistat, _: Path = Path()) -> None:
    await roistat.phones.update(1, script_id=2)


async def download(roistat: Roistat, folder: Path) -> None:
    """Save a recording and check that it is whole."""
    download_result = await roistat.calls.download_recording(1, to=folder / "1.mp3")
    assert download_result.path.stat().st_size == download_result.size > 1000


READS: dict[str, Operation] = {"calls": lambda roistat, _: read(roistat), "scripts": read_scripts}
WRITES: dict[str, Operation] = {
    "create": create, "change": change, "delete": lambda roistat, _: roistat.scripts.delete(1),
}  # fmt: skip
ALL: dict[str, Operation] = {**READS, **WRITES, "download": download}


async def failure(operation: Operation, roistat: Roistat, folder: Path) -> errors.RoistatError:
    with pytest.raises(errors.RoistatError) as caught:
        await operation(roistat, folder)
    return caught.value
