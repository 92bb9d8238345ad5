"""Wrong usage of each command: exit code 2, and a message with what is wrong or meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Refuse

NAMED = [
    ("calls --filter 'caler = 1'", "did you mean caller?"),
    ("calls --filter 'x = 1'", "use one of: answer_duration"),
    ("calls --sort dat:desc", "unknown field in --sort; did you mean date?"),
    ("calls --filter 'status = bussy'", "unknown status in --filter; did you mean BUSY?"),
    ("calls --filter 'status in ANSWER,X'", "use one of: ACTIVE"),
    ("calls --filter 'duration > abc'", "duration in --filter must be a number"),
    ("calls --filter 'id = visit'", "id in --filter must be an id"),
    ("calls --filter 'date > yesterday'", "date in --filter must be a date"),
    ("calls --filter 'comment null maybe'", "'comment null' in --filter must be 1 or 0"),
    ("phones --filter 'is_external = perhaps'", "is_external in --filter must be 1 or 0"),
    ("phones --filter 'caller = 1'", "unknown field in --filter"),
    ("calls --columns idd", "unknown column 'idd'; did you mean id?"),
    ("calls --columns id,visit.landing", "did you mean visit_landing_page?"),
    ("calls --columns qqq", "use any of: id date status"),
    ("calls --columns ,", "--columns must name columns"),
    ("phones --columns fone", "did you mean phone?"),
    ("scripts --columns nme", "did you mean name?"),
    ("calls --status ANSWERED", "unknown status in --status; did you mean ANSWER?"),
    ("calls --phone 7495% --phone 7499", "--phone with % must be the only one"),
    ("calls --phone 7495 --sort duration", "--phone needs --sort by date or id"),
    ("calls --since today --last 7d", "use only one of --period, --last and --since"),
    ("calls --since 2999-01-01", "--since must not be in the future"),
    ("calls --since tomorrow", "--since must be a day"),
    ("recordings mp3 --call-id 7 --filter 'duration > 5'", "--filter goes with"),
    ("recordings mp3 --last 7d --retry-given-up", "--retry-given-up goes with"),
    ("recordings mp3 --call-id 7 --template a/{call_id}", "--template needs the dates"),
    ("recordings mp3 --last 7d --from calls.db", "use either a period"),
    ("recordings mp3", "add --period"),
    ("recordings mp3 --from calls.db --on-bad-record skip", "--on-bad-record goes with --period"),
    ("recordings mp3 --call-id 7 --on-bad-record raise", "--on-bad-record goes with --period"),
    ("report --html a.html --last 7d --from calls.db --per-hour 5", "--per-hour does not go with"),
    ("status calls.ndjson --days 5", "--days needs a database"),
    ("sync --to calls.db --since 30d --wait-for 1h", "--wait-for goes with --recordings DIR"),
    ("sync --to - --since 30d --lookback 1h", "--lookback needs a copy with a state"),
    ("sync --to - --since 30d --wait", "--wait needs a copy with a state"),
    ("sync --to calls.db --accept wav", "go with --recordings DIR"),
    ("export calls.csv --last 7d", "name it calls.xls"),
    ("export june.XLSX --last 7d", "name it june.xls"),
    ("report", "Missing option '--html'"),
    ("report --html a.html", "add --period"),
    ("report --html a.html --last 7d --from missing.db", "does not exist"),
    ("report --html a.html --last 7d --tz Mars", "unknown time zone"),
    ("report --html a.html --last 7d --from calls.db --project x", "a number"),
    ("sync --to calls.db --dask tcp://127.0.0.1:9 --api-key-file key", "on each worker"),
    ("sync --to calls.db --dask local --proxy http://localhost:1", "set HTTPS_PROXY"),
    ("sync --to calls.db --dask local --full", "needs --period"),
    ("sync --to calls.db --dask local --watch 15m", "--watch does not go with --dask"),
    ("sync --to calls.db --dask local --recordings x --wait-for 1h", "do not go with --dask"),
    ("sync --to calls.db --dask local --recordings x --tz local", "--tz does not reach"),
    ("sync --to calls.db --dask local --since 60d --project 1 --project 2", "{project}"),
    ("recording", "id you mean recordings?"),
    ("help recording", "id you mean recordings?"),
    ("nonsense", "No such command"),
    ("help nonsense", "no such command"),
    ("scripts --api-key-file key", "must be 1 to 256 visible ASCII"),
    ("status none.db", "does not exist"),
    ("completion", "Choose from: bash, zsh, fish"),
    ("calls --per-second 0", "per_second"),
    ("calls --per-hour 0", "per_hour"),
    ("sync --to calls.db --since 30d --period 2026-05-01..2026-05-02", "either --since or"),
]
OTHERS = [
    "analytics", "export x.xls", "calls --nonsense", "calls --limit -1", "calls --page-size 0",
    "calls --extend visits", "calls --filter caller", "calls --project mine",
    "calls --base-url http://roistat.example", "calls --api-key-file /nowhere",
    "calls --last 'a week'", "calls --last 7d --period 2026-05-01..2026-05-02",
    "calls --period 2026-05-01", "calls --period 2026-05-01..2026-05-02 --tz Europe",
    "calls --period 2026-05-01..2026-05-02 --tz ../etc/passwd",
    "recordings x --call-id ../x", "recordings x --call-id 5 --last 7d",
    "sync --to calls.xyz --since 30d", "sync --to calls.db --since 2999-01-01",
    "sync --to calls.db --full", "sync --to calls.ndjson --full --since 30d",
    "sync --to calls.ndjson --since 30d --recordings mp3",
    "sync --to - --since 30d --recordings mp3", "sync --to - --since 30d --watch 15m",
]  # fmt: skip
SYNC_OPTIONS = [
    "--lookback 'a day'", "--extend visits", "--page-size 0", "--project 1 --project mine",
    "--tz Moscow", "--watch often", "--full --watch 1h", "--recordings-template {call_id}.mp3",
    "--recordings x --recordings-template ../x",
]  # fmt: skip
OUT_OF_RANGE = [
    "calls --last 500000w", "analytics --last 500000w", "calls --filter 'date > 0001-01-01'",
    "calls --period 0001-01-01..2026-01-01", "calls --period 2026-01-01..9999-12-31",
    "sync --to calls.db --full --period 0001-01-01..2026-01-01",
    *(
        f"sync --to {name} --since {since}"
        for name in ("calls.db", "calls.ndjson", "calls.parquet", "-")
        for since in ("0001-01-01", "9999-12-31", "500000w", "30d --lookback 500000w")
    ),
    "sync --to calls.db --since 30d --recordings mp3 --wait-for 500000w",
    "sync --to calls.db --since 30d --watch 500000w",
]  # fmt: skip
PROJECTS = ["''", "x", "1,", "0", "1,1", "9" * 5000]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        *NAMED,
        *((line, "") for line in OTHERS),
        *((f"sync --to calls.db --since 30d {options}", "") for options in SYNC_OPTIONS),
        *((f"{line} --tz Europe/Moscow", "") for line in OUT_OF_RANGE),
        *((f"fake-server --projects {projects}", "--projects") for projects in PROJECTS),
    ],
)
def test_c3_c4_c9_c22_wrong_usage(line: str, text: str, refuse: Refuse) -> None:
    """Wrong usage exits with 2, names what is wrong or meant, and sends and creates nothing."""
    Path("key").write_bytes(b"secret \xff words\n")
    for option, copy in (("--from", "calls.db"), ("status", "calls.ndjson")):
        if f"{option} {copy}" in line:
            Path(copy).touch()
    message = refuse(line)
    assert (text in message, "secret" in message) == (True, False)
