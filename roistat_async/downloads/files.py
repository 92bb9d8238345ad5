"""A recording or an export: asked for, recognised by its first bytes, given or saved whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..api.project_api import Endpoint
from ..files import part_file
from ..models.downloads import Download
from .body import Body
from .file_download import Progress as Progress
from .file_download import Saving, opened
from .file_request import FileRequest as FileRequest


@asynccontextmanager
async def open_body(endpoint: Endpoint, asked: FileRequest) -> AsyncIterator[Body]:
    """Ask for a file and give its bytes; raise what came in its place."""
    body, _, _ = await opened(endpoint, asked)
    try:
        yield body
    finally:
        await body.close()


async def save(
    endpoint: Endpoint,
    asked: FileRequest,
    to: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Download:
    """Save a file under its final name once it is whole; what was cut is asked for again."""
    return await save_checked(endpoint, asked, part_file.check_target(to), progress)


async def save_checked(
    endpoint: Endpoint, asked: FileRequest, target: Path, progress: Progress | None = None
) -> Download:
    """Save a file whose target was looked at already."""
    with Saving(endpoint, asked, target, progress) as saving:
        return await saving.run()
