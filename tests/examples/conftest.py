"""A fake Roistat that is named in the environment, where the examples look for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from roistat_async.testing import FakeRoistat


@pytest.fixture
def roistat_env(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake Roistat and name it in the environment."""
    with FakeRoistat(calls=40).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        yield fake
