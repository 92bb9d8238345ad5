"""An audio player of a browser plays recordings from the web services, and seeks in them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from roistat_async.testing import FakeRoistat, mp3
from tests.examples.serving import Service, serving
from tests.helpers.browser import in_browser

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.slow
HOUR = 3600
_PLAY = """async () => {
    const audio = document.querySelector("audio"), failed = new Promise((_, reject) =>
        audio.addEventListener("error", () => reject(audio.error.message)));
    const event = (name) => new Promise((resolve) =>
        audio.addEventListener(name, () => resolve(audio.currentTime), {once: true}));
    await Promise.race([audio.play(), failed]);
    const first = await Promise.race([event("timeupdate"), failed]);
    const second = await Promise.race([event("timeupdate"), failed]);
    const seeked = event("seeked");
    audio.currentTime = audio.duration - 60;
    const target = await Promise.race([seeked, failed]);
    const after = await Promise.race([event("timeupdate"), failed]);
    return {first, second, target, after, duration: audio.duration};
}"""


@pytest.mark.parametrize(("service", "knows_ranges"), [("aiohttp", True), ("fastapi", False)])
@in_browser
async def test_a_player_plays_and_seeks(
    roistat_env: FakeRoistat, browser: Browser, service: Service, knows_ranges: bool
) -> None:
    """Chromium plays an hour's recording and seeks to its last minute, by a range of it."""
    roistat_env.quirks.recording_ranges = knows_ranges
    call = roistat_env.state.add_call()
    recording = roistat_env.state.recordings[call["id"]] = mp3.recording(call["id"], HOUR)
    async with serving(service) as address, asyncio.timeout(60):
        page = await browser.new_page()
        if service == "aiohttp":
            await page.goto(address)  # the page has a player for each call
        else:
            await page.set_content(f"<audio src='{address}/recordings/{call['id']}'></audio>")
        played: dict[str, Any] = await page.evaluate(_PLAY)
        await page.close()
    assert 0 < played["second"] - played["first"] < 10
    assert played["duration"] == pytest.approx(HOUR, abs=1)
    assert played["target"] == pytest.approx(HOUR - 60, abs=1)
    assert played["after"] > played["target"]
    starts = [_start(request.headers.get("Range")) for request in roistat_env.requests]
    assert max(starts) > len(recording) * 0.9


def _start(header: str | None) -> int:
    return int(header.removeprefix("bytes=").partition("-")[0]) if header else 0
