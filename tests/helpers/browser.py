"""Headless Chromium, from the package of the system."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

in_browser = pytest.mark.asyncio(loop_scope="module")
"""Mark of a test that uses the fixture `browser`, in whose event loop it must run."""

# Nothing may leave the machine: these are the services that Chromium would call by itself.
_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--autoplay-policy=no-user-gesture-required",
]


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """Start Chromium, yield it, and end it; skip a test where it is missing."""
    playwright_api = pytest.importorskip(
        "playwright.async_api", reason="playwright is missing: pip install playwright"
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    async with playwright_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
