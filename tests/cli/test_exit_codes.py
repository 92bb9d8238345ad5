"""Exit codes, and one or two lines on stderr instead of a traceback."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Limits, errors
from roistat_async import Roistat as Client
from roistat_async.cli import exit_codes
from roistat_async.testing import FakeRoistat, Fault

from ..helpers.raw_server import closed_port
from .conftest import Roistat


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("", 2, "recordings"),
        ("phones --project 999", 4, "rights"),
        ("scripts --base-url http://127.0.0.1:9/api/v1", 1, "Nothing was sent"),
        ("export file/x.xls --last 30d", 1, "file"),
    ],
    ids=["help", "no rights", "closed port", "impossible folder"],
)
def test_errors(line: str, code: int, text: str, roistat: Roistat) -> None:
    """The exit code says what kind of error it is, and stderr what is wrong."""
    Path("file").write_text("")
    ended = roistat(*shlex.split(line))
    assert (ended.code, ended.out) == (code, "")
    assert (text in ended.err, "Traceback" in ended.err) == (True, False)


@pytest.mark.parametrize(
    ("library", "extra", "line"),
    [
        ("psycopg", "postgres", "sync --to postgresql://127.0.0.1:9/calls --since 30d"),
        ("pyarrow", "arrow", "sync --to calls.parquet --since 30d"),
        ("obstore.store", "objects", "sync --to s3://bucket/calls.parquet --since 30d"),
        ("altair", "report", "report --last 30d --html report.html"),
    ],
    ids=["postgres", "arrow", "objects", "report"],
)
def test_missing_extra(
    library: str, extra: str, line: str, monkeypatch: pytest.MonkeyPatch, roistat: Roistat
) -> None:
    """A missing extra exits with 2, names the command that installs it, and creates nothing."""
    monkeypatch.setitem(sys.modules, library, None)
    ended = roistat(*shlex.split(line))
    assert (ended.code, ended.out) == (2, "")
    assert f"pip install 'roistat_async[{extra}]'" in ended.err
    assert list(Path().iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o600, False), (0o640, False)])
@pytest.mark.usefixtures("no_environment")
def test_s20_key_file_of_everybody(
    mode: int, warned: bool, fake: FakeRoistat, roistat: Roistat
) -> None:
    """Without environment, options do. A key file that every user can read causes a warning."""
    Path("key").write_text(f"{fake.api_key}\n")
    Path("key").chmod(mode)
    options = ("--base-url", fake.base_url, "--project", str(fake.project))
    ended = roistat("scripts", "--api-key-file", "key", *options)
    assert (ended.code, "chmod 600 key" in ended.err) == (0, warned)


@pytest.mark.parametrize(
    "line",
    [
        "{key}", "--api-key {key} calls", "calls {key}", "calls --api-key={key}", "calls --{key}",
        "calls --api-key-file {key}", "calls --limit {key}", "calls --on-bad-record {key}",
        "calls --project {key}", "calls --base-url {key}", "calls --filter {key}",
        "calls --filter '{key} = 1'", "calls --filter 'status = {key}'", "calls --sort {key}",
        "calls --extend {key}", "calls --last {key}", "calls --period {key}",
        "calls --period 2026-05-01..2026-05-02 --tz {key}", "completion {key}", "status {key}",
        "export {key} --last 7d", "sync --to {key} --since 7d", "sync --to x.db --since {key}",
        "recordings x --call-id {key}",
    ],
)  # fmt: skip
def test_s21_a_typed_key_is_not_shown(line: str, roistat: Roistat) -> None:
    """A key that was typed as a word of the command is not printed back."""
    key = "5ecre7ab" * 4
    ended = roistat(*shlex.split(line.format(key=key)))
    assert ended.code == (0 if line.startswith("export") else 2)
    assert (key in ended.err, "Traceback" in ended.err) == (False, False)


def test_s7_an_error_of_roistat_is_escaped(fake: FakeRoistat, roistat: Roistat) -> None:
    """An error of Roistat exits with 1 and prints its text escaped, in two lines at most."""
    fake.fail("*/call/list", Fault.error("option_not_enabled", "\x1b[31mnope\nsecond"))
    ended = roistat("calls")
    assert (ended.code, ended.out) == (1, "")
    assert "option_not_enabled" in ended.err
    assert "\x1b" not in ended.err
    assert len(ended.err.splitlines()) <= 2


def test_every_error_has_a_code() -> None:
    """Each error of the library has an exit code, and an unexpected exception has none."""
    assert exit_codes.exit_code_for(ZeroDivisionError()) is None
    for name in errors.__all__:
        kind = getattr(errors, name)
        code = exit_codes.exit_code_for(kind.__new__(kind))
        refused = name in ("AuthenticationError", "AccessDeniedError")
        assert code == (4 if refused else 2 if name == "ConfigurationError" else 1)


def test_the_proxy_of_an_option_or_of_the_environment(
    roistat: Roistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command connects to --proxy, or else to HTTPS_PROXY, and names it if it is not there."""
    closed = f"127.0.0.1:{closed_port()}"
    monkeypatch.setenv("https_proxy", f"http://{closed}")
    monkeypatch.setenv("ROISTAT_BASE_URL", "https://roistat.invalid/api/v1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert f"the proxy {closed}: connection refused" in roistat("scripts").err
    other = f"127.0.0.1:{closed_port()}"
    ended = roistat("scripts", "--proxy", f"http://{other}")
    assert (ended.code, f"the proxy {other}: connection refused" in ended.err) == (1, True)
    assert roistat("scripts", "--proxy", "socks5://x:1").code == 2


@pytest.mark.parametrize(
    ("options", "environ", "limits"),
    [
        ("", {}, {"per_second": 10, "per_hour": 5000}),
        ("--per-second 2", {"ROISTAT_PER_SECOND": "7"}, {"per_second": 2}),
        ("--per-hour 9", {"ROISTAT_PER_SECOND": "7"}, {"per_second": 7, "per_hour": 9}),
        ("", {"ROISTAT_PER_HOUR": "1"}, {"per_hour": 1}),
        ("", {"ROISTAT_SHARE_LIMITS": "limits.db"}, {"shared_file": "limits.db"}),
    ],
)
def test_limits(
    options: str, environ: dict[str, str], limits: dict[str, Any], roistat: Roistat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The limits are those of Roistat, unless the environment or, before it, an option differs."""
    used: list[Limits] = []
    from_env = Client.from_env

    def record(*arguments: Any, **settings: Any) -> Client:
        used.append(settings["limits"])
        return from_env(*arguments, **settings)

    monkeypatch.setattr(Client, "from_env", record)
    monkeypatch.delenv("ROISTAT_PER_SECOND")
    assert (roistat("scripts", *options.split(), **environ).code, used) == (0, [Limits(**limits)])


def test_invalid_limits(roistat: Roistat) -> None:
    """An invalid limit of the environment is named."""
    assert "'many' is not a valid float" in roistat("scripts", ROISTAT_PER_SECOND="many").err


def test_limits_shared_by_commands(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """--share-limits counts the requests of earlier commands, and a wrong file ends the command."""
    options = ("--share-limits", str(tmp_path / "limits.db"), "--per-hour", "1")
    assert roistat("scripts", *options).code == 0
    ended = roistat("phones", *options)
    assert (ended.code, "the limit of requests an hour is used up" in ended.err) == (1, True)
    sent = len(fake.requests)
    ended = roistat("scripts", "--share-limits", str(tmp_path))
    assert (ended.code, "the file of shared limits cannot be opened" in ended.err) == (1, True)
    assert len(fake.requests) == sent
