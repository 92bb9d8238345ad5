"""Run each Python example of the documents alone, against a fake Roistat, in an empty folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from roistat_async.testing import FakeRoistat


class IsolatedEvaluator(PythonEvaluator):
    """Evaluator that hides the names of earlier examples: a reader may copy one of them alone."""

    def __call__(self, example: Example) -> None:
        example.namespace.clear()
        super().__call__(example)


@pytest.fixture
def example_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start a fake Roistat, export its key, and change into an empty folder."""
    with FakeRoistat(calls=40).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.chdir(tmp_path)
        yield
        logging.getLogger("roistat_async").setLevel(logging.NOTSET)  # an example turns it on


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser(language="python", evaluator=IsolatedEvaluator())],
    patterns=["README.md", "docs/*.md"],
    fixtures=["example_environment"],
).pytest()
