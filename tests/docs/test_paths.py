"""Tests that the files and sections that the documents name exist, and that the README is short."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import roistat_async

ROOT = Path(__file__).parents[2]
PACKAGE = Path(roistat_async.__file__).parent  # it may be installed elsewhere
_NAMES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")
DOCUMENTS = [ROOT / name for name in _NAMES if (ROOT / name).exists()]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))

_PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|md|toml|yml))?)(?: §\d+| [A-Z]\d+)?`")
_FILE = re.compile(r"`(\w+\.py)`")
_WEB_LINK = re.compile(r"github\.com/roistat-async/roistat_async/(?:blob|tree)/main/([^)#\s>]+)")
_LINK = re.compile(r"\]\(((?!https?:)[^)#]+)(?:#[^)]*)?\)")
_CITATION = re.compile(r"docs/([\w-]+\.md) §(\d+)")
_NOT_OURS = re.compile(
    r"project/|phone/|call/|script/|user/|recordings/|calls\.parquet/|\.note/|\.dlt/"
)


def _exists(path: str) -> bool:
    """Check a path from the root of the repository or of the package."""
    return any((folder / path).exists() for folder in (ROOT, PACKAGE, PACKAGE.parent))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    """Each path, file without its folder, and link in a document leads to a file or folder.

    A link may also lead to a file of the repository on the web.
    """
    text = document.read_text(encoding="utf-8")
    paths = [path for path in _PATH.findall(text) if not _NOT_OURS.match(path)]
    assert [path for path in paths if not _exists(path)] == []
    known = {path.name for folder in (PACKAGE, ROOT / "tests") for path in folder.rglob("*.py")}
    assert set(_FILE.findall(text)) - known - {"conftest.py", "noxfile.py"} == set()
    targets = [document.parent / link for link in _LINK.findall(text)]
    targets += [ROOT / path for path in _WEB_LINK.findall(text)]
    assert [target for target in targets if not target.exists()] == []


def test_architecture_explains_every_layer() -> None:
    """Each folder and file at the top of the package has its row in the table of layers."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## 2.")[2].partition("## 3.")[0]
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    files = {path.name for path in PACKAGE.glob("[!_]*.py")}
    assert {name for name in folders | files if f"`{name}`" not in table} == set()


def test_readme_is_short() -> None:
    """The README has at most 250 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("name", ["README.md", "docs/roistat-api-notes.md"])
def test_number_of_endpoints(name: str) -> None:
    """The documents count as many endpoints as the vendor's page has samples of."""
    endpoints = json.loads((ROOT / "tests/api_doc/curl.json").read_text(encoding="utf-8"))
    assert f" {len(endpoints)} endpoints" in (ROOT / name).read_text(encoding="utf-8")


def test_navigation_names_every_page() -> None:
    """Every page is in the navigation of the site, and in the list of the start page."""
    folder = ROOT / "docs"
    pages = {page.relative_to(folder).as_posix() for page in folder.rglob("*.md")}
    linked = set(_LINK.findall((folder / "index.md").read_text(encoding="utf-8")))
    settings = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    assert pages - {"index.md"} - linked == set()
    assert pages - set(re.findall(r'= "([\w/-]+\.md)"', settings)) == set()


def test_cited_sections_exist() -> None:
    """A section that code, tests or documents cite is there under its number."""
    sources = [*DOCUMENTS, *PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    cited = set(_CITATION.findall("\n".join(path.read_text("utf-8") for path in sources)))
    texts = {name: (ROOT / "docs" / name).read_text("utf-8") for name, _ in cited}
    assert [each for each in cited if f"\n## {each[1]}. " not in texts[each[0]]] == []
