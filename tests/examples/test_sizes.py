"""The programs in `examples/` are short enough to be read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[!_]*.py"))
MAX_LINES = 60


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_program_is_short(path: Path) -> None:
    """A program has less than 60 lines of code, without comments and docstrings."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)]
    code = {line for node in nodes for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    lines = source.splitlines()
    assert len([line for line in code if lines[line - 1].strip()]) < MAX_LINES
