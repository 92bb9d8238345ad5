"""The package as source: imports, definitions, strings and docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

import roistat_async

ROOT = Path(roistat_async.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def short(path: Path) -> str:
    """Return the path of a file in the package: `wire/codec.py`."""
    return path.relative_to(ROOT).as_posix()


def part(module: str) -> str:
    """Return the folder or file of the package that a module belongs to: `wire`, `errors`.

    Each integration is a part of its own: `integrations.arrow`.
    """
    names = module.split(".")[1:3]
    if names[:1] == ["integrations"]:
        return ".".join(names)
    return names[0] if names else "__init__"


def module_of(path: Path) -> str:
    """Return the module of a file."""
    names = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


MODULES = {module_of(path): path for path in FILES}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@frozen
class Import:
    """One import: the module that it stands in, and the one that it names."""

    source: str
    target: str
    is_for_types: bool


def imports(path: Path) -> Iterator[Import]:
    """Yield the imports of a file, also those inside functions and for types only."""
    tests = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.If)]
    blocks = [node.body for node in tests if "TYPE_CHECKING" in ast.unparse(node.test)]
    for_types = {node for block in blocks for each in block for node in ast.walk(each)}
    for node in ast.walk(_tree(path)):
        for target in _targets(path, node):
            yield Import(module_of(path), target, node in for_types)


def _targets(path: Path, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = _base(path, node)
    # `from . import codec` imports a module, `from .codec import structure` the one it is in.
    whole = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else base for name in whole]


def _base(path: Path, node: ast.ImportFrom) -> str:
    base = node.module or ""
    if not node.level:
        return base
    package = module_of(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *base.split(".")]).rstrip(".")


def is_ours(module: str) -> bool:
    """Whether a module belongs to this package."""
    return module.partition(".")[0] == ROOT.name


def words(path: Path) -> Iterator[str]:
    """Yield the string constants of a file except its docstrings."""
    nodes = list(ast.walk(_tree(path)))
    docs = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def keys(path: Path) -> Iterator[str]:
    """Yield the string constants that are keys of a dictionary display or a subscript."""
    for node in ast.walk(_tree(path)):
        found = node.keys if isinstance(node, ast.Dict) else [getattr(node, "slice", None)]
        for key in found:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value


def calls(path: Path) -> Iterator[str]:
    """Yield what is called, as in `os.fsync`."""
    nodes = ast.walk(_tree(path))
    yield from (ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call))


def defined(module: str) -> set[str]:
    """Return the names that a module defines itself, at any depth of its top level."""
    return set(_defined(_tree(MODULES[module])))


def _defined(parent: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        yield from _defined(node)


def borrowed(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each name of another module of ours that a file uses."""
    modules: dict[str, str] = {}
    nodes = list(ast.walk(_tree(path)))
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                base = _base(path, node)
                if (whole := f"{base}.{alias.name}") in MODULES:
                    modules[alias.asname or alias.name] = whole
                elif base in MODULES:
                    yield base, alias.name
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=bound), attr=attribute) if bound in modules:
                yield modules[bound], attribute


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, docstring) of a file, its classes and its functions."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(_tree(path)):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", path.name), text
