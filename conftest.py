"""The README's code runs as it stands, against a fake Roistat, in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from roistat_async.testing import FakeRoistat


@pytest.fixture(scope="module")
def readme_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the README a server, its key in the environment, and a folder to write to."""
    folder = tmp_path_factory.mktemp("readme")
    with ExitStack() as undo:
        fake = undo.enter_context(FakeRoistat(calls=40).in_thread())
        patch = undo.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("ROISTAT_API_KEY", fake.api_key)
        patch.setenv("ROISTAT_PROJECT", str(fake.project))
        patch.setenv("ROISTAT_BASE_URL", fake.base_url)
        patch.chdir(folder)
        yield folder


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], patterns=["README.md"], fixtures=["readme_world"]
).pytest()
