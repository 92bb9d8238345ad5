"""Faster decompression of gzip, if isal is installed."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import asyncio, sys
{before}
from roistat_async import Roistat
from roistat_async.testing import FakeRoistat, Quirks
from roistat_async.transport.gzip_backend import use_fast_gzip
used = use_fast_gzip()

async def main():
    quirks = Quirks(rate_per_second=None, rate_per_hour=None, gzip=True)
    async with FakeRoistat(calls=300, quirks=quirks) as fake:
        async with Roistat(fake.api_key, fake.project, base_url=fake.base_url) as roistat:
            rows = await roistat.calls.list().collect()
            assert [row.id for row in rows][::-1] == fake.state.calls.ids()

asyncio.run(main())
print(used)
"""


def _run(before: str) -> str:
    # A process of its own, because the backend is set for the whole process.
    code = _CODE.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_pages_are_decompressed_by_isal() -> None:
    """The extra `speed` is used, and the calls are those of the server."""
    assert _run("import isal") == "True"


def test_the_standard_library_is_used_without_isal() -> None:
    """A missing isal is no error."""
    before = "import importlib.util as u; real = u.find_spec\n"
    before += "u.find_spec = lambda name, *more: None if name == 'isal' else real(name, *more)"
    assert _run(before) == "False"
