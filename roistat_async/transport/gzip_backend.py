"""A faster way to unpack gzip, for programs that may choose it for their whole process."""

from __future__ import annotations

from importlib.util import find_spec


def use_fast_gzip() -> bool:
    """Let aiohttp unpack by isal where that is installed; tell whether it is.

    aiohttp keeps one backend for the process, so a library must not choose it; the command does.
    """
    if find_spec("isal") is None:
        return False
    import aiohttp
    from isal import isal_zlib

    aiohttp.set_zlib_backend(isal_zlib)
    return True
