"""Faster decompression of gzip, for programs that may choose it for their whole process."""

from __future__ import annotations

from importlib.util import find_spec


def use_fast_gzip() -> bool:
    """Switch aiohttp to isal if that is installed, and return whether it is.

    aiohttp has one backend for the whole process, so the command may choose it and a library not.
    """
    if find_spec("isal") is None:
        return False
    import aiohttp
    from isal import isal_zlib

    aiohttp.set_zlib_backend(isal_zlib)
    return True
