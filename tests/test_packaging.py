"""What pyproject.toml, the changelog and the workflow promise agrees."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]

# A requirement of its own package refers to another extra and needs no reason.
REQUIREMENTS = [
    requirement
    for group in [PROJECT["dependencies"], *EXTRAS.values()]
    for requirement in group
    if not requirement.startswith(PROJECT["name"])
]
PYTHONS = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", CHANGELOG, flags=re.MULTILINE)


def test_changelog() -> None:
    """Its newest release is the version; releases are dated, in order, and below Unreleased."""
    assert RELEASES[0][0] == PROJECT["version"]
    dates = [date.fromisoformat(text) for _, text in RELEASES]
    assert dates == sorted(dates, reverse=True)
    headings = re.findall(r"^## \[(.+?)\]", CHANGELOG, flags=re.MULTILINE)
    assert headings == ["Unreleased", *(version for version, _ in RELEASES)]
    for name in headings:
        assert f"\n[{name}]: {PROJECT['urls']['Source']}/" in CHANGELOG


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_requirement_has_a_bound_and_a_reason(requirement: str) -> None:
    """The oldest version of each dependency is known, and a comment says why it is there."""
    assert re.search(r"(>=|~=|==)\d", requirement)
    lines = [line for line in PYPROJECT.splitlines() if f'"{requirement}"' in line]
    assert lines
    assert all(re.search(r'",\s*# \S+ \S+', line) for line in lines)


def test_pythons_have_no_gap() -> None:
    """The classifiers name every version from `requires-python` on, and CI runs exactly those."""
    minors = [int(version.split(".")[1]) for version in PYTHONS]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == set(PYTHONS)


@pytest.mark.parametrize("tool", ["ruff", "mypy", "pyright"])
def test_tools_check_for_the_oldest_python(tool: str) -> None:
    """A tool that assumed a newer Python would accept what fails on the oldest."""
    settings = tomllib.loads(PYPROJECT)["tool"][tool]
    names = {"ruff": "target-version", "mypy": "python_version", "pyright": "pythonVersion"}
    oldest = PYTHONS[0]
    assert settings[names[tool]] in {oldest, f"py{oldest.replace('.', '')}"}


def test_the_package_has_what_an_index_shows() -> None:
    """It has the URLs of one repository, its types, the command `roistat` and a pytest plugin."""
    urls = PROJECT["urls"]
    assert set(urls) == {"Documentation", "Source", "Changelog", "Issues"}
    assert all(url.startswith(urls["Source"]) for url in urls.values())
    assert resources.files("roistat_async").joinpath("py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]
    points = metadata.distribution("roistat_async").entry_points
    assert {point.name for point in points} == {"roistat", "roistat_async"}
