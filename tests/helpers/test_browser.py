"""The browser of the tests: it runs pages, and it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser


async def test_it_runs_the_script_of_a_page(browser: Browser) -> None:
    """A page is shown with the result of its script."""
    page = await browser.new_page()
    await page.set_content("<p></p><script>document.querySelector('p').append(6 * 7)</script>")
    assert await page.inner_text("p") == "42"
