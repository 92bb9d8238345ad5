"""Tests that the examples of the documents are correct for a type checker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A block with a title is the file of that name.
_BLOCK = re.compile(r'^```python(?: title="(\w+\.py)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.usefixtures("untraced_processes")
def test_examples_pass_a_strict_type_check(tmp_path: Path) -> None:
    """Mypy, as strict as for the package, has nothing to say about an example."""
    pytest.importorskip("mypy")
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        blocks = _BLOCK.findall(document.read_text(encoding="utf-8"))
        for number, (title, block) in enumerate(blocks, 1):
            name = f"{document.parent.stem}_{document.stem}_{number}.py".replace("-", "_")
            (tmp_path / (title or name)).write_text(block, encoding="utf-8")
    # With the options and the cache of the checkout: an empty cache takes half a minute.
    command = [sys.executable, "-m", "mypy", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.stdout.startswith("Success"), result.stdout
