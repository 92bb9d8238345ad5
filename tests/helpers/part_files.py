"""Files written as the library writes them, and system calls that fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from roistat_async.files.part_file import PartFile

DATA = b"some bytes" * 1000


async def write(target: Path, *chunks: bytes) -> Any:
    with PartFile(target) as part:
        for chunk in chunks:
            part.write(chunk)
        return await part.publish()


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail
