"""Share of names that are everyday words used as private terms.

    python -m tests.plain_names [FOLDER]      prints the share and the names

What counts as a name: each function, class, parameter, variable and attribute that a file binds,
once for each scope that binds it (a function, a class or the module), but no dunder name and no
`_`. A name counts as an everyday word if a part of it, between underscores or capitals, is in
`EVERYDAY`: words that this project once used as terms of its own instead of the standard ones.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

_WORDS = """
    adoption afresh ask asked asker began begun beyond came coming door found gathered given gone
    held here home kept laid left like line longest look looked marks mended mine moment most moved
    nursery one outside patience people place placed places put rest seen settled sheet spelled
    spelling spoilt strays stretch stretches taken tell theirs there tidy told took turn turns twin
    twins wanted went wild words world
"""
EVERYDAY = frozenset(_WORDS.split())
# Standard terms that hold a listed word.
STANDARD = {"most_common", "line_number", "lines", "line", "_matches_like", "requests_left"}
_PARTS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


@frozen
class Name:
    """Name that a file binds."""

    file: str
    line: int
    text: str

    @property
    def is_everyday(self) -> bool:
        """Whether a part of the name is an everyday word."""
        parts = {part.lower() for part in _PARTS.findall(self.text)}
        return self.text.strip("_") not in STANDARD and not EVERYDAY.isdisjoint(parts)


def names_in(folder: Path) -> list[Name]:
    """Return the names that the Python files below a folder bind."""
    return [name for path in sorted(folder.rglob("*.py")) for name in _names_of(path, folder)]


def share(names: list[Name]) -> float:
    """Return the share of everyday words among names, from 0 to 1."""
    return sum(name.is_everyday for name in names) / max(1, len(names))


def _names_of(path: Path, folder: Path) -> Iterator[Name]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            bound: dict[str, int] = {}
            for text, line in _bound_by(scope):
                bound.setdefault(text, line)
            for text, line in bound.items():
                if text.strip("_") and not text.startswith("__"):
                    yield Name(path.relative_to(folder).as_posix(), line, text)


def _bound_by(scope: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names that a scope binds itself: those of inner scopes are theirs."""
    for child in ast.iter_child_nodes(scope):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield child.name, child.lineno
                continue
            case ast.arg(arg=name):
                if name not in ("self", "cls"):
                    yield name, child.lineno
                continue
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, child.lineno
            case ast.ExceptHandler(name=str(name)):
                yield name, child.lineno
        yield from _bound_by(child)


def main() -> None:
    """Print the share for a folder, by default the package."""
    names = names_in(Path(sys.argv[1] if len(sys.argv) > 1 else "roistat_async"))
    everyday = [name for name in names if name.is_everyday]
    lines = [f"{name.file}:{name.line}: {name.text}" for name in everyday]
    lines.append(f"{len(everyday)} of {len(names)} names, {share(names):.2%}")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
