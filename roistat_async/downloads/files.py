"""A recording or an export: asked for, recognised by its first bytes, given or saved whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..api.project_api import ProjectApi
from ..files.paths import check_target
from ..models.downloads import Download
from .body import Body
from .file_download import FileDownload, open_download
from .file_download import Progress as Progress
from .file_request import FileRequest as FileRequest


@asynccontextmanager
async def open_body(endpoint: ProjectApi, asked: FileRequest) -> AsyncIterator[Body]:
    """Ask for a file and give its bytes; raise what came in its place."""
    body, _, _ = await open_download(endpoint, asked)
    try:
        yield body
    finally:
        await body.close()


async def save(
    endpoint: ProjectApi,
    asked: FileRequest,
    to: str | os.PathLike[str],
    progress: Progress | None = None,
) -> Download:
    """Save a file under its final name once it is whole; what was cut is asked for again."""
    return await save_checked(endpoint, asked, check_target(to), progress)


async def save_checked(
    endpoint: ProjectApi, asked: FileRequest, target: Path, progress: Progress | None = None
) -> Download:
    """Save a file whose target was looked at already."""
    with FileDownload(endpoint, asked, target, progress) as saving:
        return await saving.run()
