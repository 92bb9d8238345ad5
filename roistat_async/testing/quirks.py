"""What nobody has proved about Roistat, each guess a field that a test can turn."""

from __future__ import annotations

from typing import Literal

from attrs import define


@define(kw_only=True)
class Quirks:
    """Choose how the fake behaves where the vendor's page is silent, even while it runs."""

    # Limits. Documented as 10 a second and 5000 an hour per project; None switches one off.
    rate_per_second: int | None = 10
    rate_per_hour: int | None = 5000
    # Nobody has ever seen a Retry-After; the text given here is sent with every 429.
    retry_after: str | None = None
    # Seconds before each response; a benchmark's network.
    latency: float = 0.0

    # Errors. The exact response to a project of somebody else was never captured.
    wrong_project: Literal["access_denied", "authentication_failed"] = "access_denied"
    # Seen only as a description on the analytics endpoints; a call list never showed it.
    max_period_days: float | None = None

    # Lists. The default and the ceiling of `limit` are unknown for calls.
    default_limit: int | None = 100
    max_limit: int | None = None
    refuse_limit_above: int | None = None
    # `total` counts matching rows on other lists; here the other forms to be ready for.
    total: Literal["matches", "page", "string", "negative", "absent"] | None = "matches"
    # The order of calls of one second is unspecified; "shuffled" draws it anew for each request.
    ties: Literal["stable", "shuffled"] = "stable"
    ignore_offset: bool = False
    ignore_sort: bool = False
    ignore_filters: bool = False
    descending_only: bool = False
    # Whether `date >` takes the named second itself was never probed.
    date_after_inclusive: bool = False
    # {"and": [one condition]} gets a 500 on visit and order lists; not shown for calls.
    single_and_breaks: bool = True
    # Unknown arguments are ignored silently; for filter fields that is an inference.
    unknown_filter: Literal["ignored", "refused"] = "ignored"

    # Scripts and phones. The vendor's page calls replaceable_numbers required, yet its responses
    # omit it.
    replaceable_numbers_required: bool = True
    # "All scripts ever created" may or may not count deleted ones when is_deleted is not sent.
    scripts_listed: Literal["all", "existing"] = "all"
    # The vendor's page says "null or string", fixtures show integers.
    script_id_as_string: bool = False

    # Calls. Users know the device of a visit as an object or null; the vendor's page has none.
    visit_device: Literal["object", "null", "absent", "text"] = "object"
    # The vendor's page shows an integer, fixtures show text.
    visit_id_as_string: bool = False
    # Live lists have "" where the vendor's page has null.
    empty_text: Literal["null", "empty"] = "null"

    # The vendor's page calls `name` required on phone-call; everybody omits it.
    call_name_required: bool = False

    # Recordings. Content type, framing and ranges: no evidence at all.
    recording_type: str = "audio/mpeg"
    recording_chunked: bool = False
    recording_ranges: bool = False
    # A guess as well: no public sample of the export exists.
    xls_type: str = "application/vnd.ms-excel"

    # JSON is compressed only for those who accept it, and only when this is on: it costs time.
    gzip: bool = False
