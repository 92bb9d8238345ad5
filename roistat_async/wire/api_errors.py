"""Mapping of Roistat's error codes and HTTP statuses to exceptions."""

from __future__ import annotations

import re
from typing import Any

from .. import errors

# A description may quote the request: keys and phone numbers must not be in an exception.
# Keys are matched first, because one may begin with digits.
_SENSITIVE = re.compile(r"[0-9a-fA-F]{32,}|\+?\d[\d\s().-]{5,}\d")
_MAX_DESCRIPTION = 500

# docs/roistat-api-notes.md; other codes may exist
_BY_CODE: dict[str, type[errors.APIError]] = {
    "authentication_failed": errors.AuthenticationError,
    "access_denied": errors.AccessDeniedError,
    "insufficient_funds": errors.FeatureUnavailableError,
    "option_not_available": errors.FeatureUnavailableError,
    "option_not_enabled": errors.FeatureUnavailableError,
    "option_not_paid": errors.FeatureUnavailableError,
    "project_frozen": errors.FeatureUnavailableError,
    "resource_not_found": errors.NotFoundError,
    "resource_already_exists": errors.InvalidRequestError,
    "request_data_validation_error": errors.InvalidRequestError,
    "incorrect_request": errors.InvalidRequestError,
    "request_limit_error": errors.RateLimitError,
    "internal_error": errors.ServerError,
    # Roistat's own connection to the CRM failed: the caller cannot fix it, whatever the status.
    "authorization_failed": errors.APIError,
    "integration_error": errors.APIError,
}
_BY_STATUS: dict[int, type[errors.APIError]] = {
    401: errors.AuthenticationError,
    402: errors.FeatureUnavailableError,
    403: errors.AccessDeniedError,
    404: errors.NotFoundError,
    408: errors.ServerError,  # a proxy's time-out, to be retried as a failed server
    425: errors.ServerError,
    429: errors.RateLimitError,
}
_ADVICE: dict[type[errors.APIError], str] = {
    errors.AuthenticationError: "Check the key and that it opens this project",
    errors.AccessDeniedError: "The key's owner needs read and write rights in this project",
    errors.FeatureUnavailableError: "Check the tariff, the options and the balance in Roistat",
    errors.NotFoundError: "Check its id, and that it belongs to this project",
    errors.ServerError: "Try again later; RetryPolicy(max_attempts=...) makes more attempts",
    errors.RateLimitError: "Send fewer requests, or lower Limits if other programs use the project",
}
_ADVICE_OF_CODE = {"resource_already_exists": "List the records: it is there already"}


def error_from_code(
    code: str,
    descriptions: tuple[Any, ...],
    details: Any,
    http_status: int,
    retry_after: float | None,
) -> errors.APIError:
    """Return the error of a code, with the first of `descriptions` that is text."""
    kind = _BY_CODE.get(code) or _by_status(http_status)
    texts = [text for text in descriptions if isinstance(text, str) and text.strip()]
    description = _redact(texts[0]) if texts else None
    return _make(kind, _redact(code), description, http_status, retry_after, details)


def error_from_status(http_status: int, retry_after: float | None) -> errors.APIError:
    """Return the error of an HTTP status alone."""
    kind = _by_status(http_status)
    return _make(kind, f"http_{http_status}", None, http_status, retry_after, None)


def _by_status(http_status: int) -> type[errors.APIError]:
    if http_status >= 500:
        return errors.ServerError
    by_default = errors.InvalidRequestError if http_status >= 400 else errors.APIError
    return _BY_STATUS.get(http_status, by_default)


def _make(
    kind: type[errors.APIError],
    code: str,
    description: str | None,
    http_status: int,
    retry_after: float | None,
    details: Any,
) -> errors.APIError:
    safe_details = _redact_details(details)
    advice = _ADVICE_OF_CODE.get(code) or _ADVICE.get(kind)
    return kind(
        code, description, http_status, safe_details, retry_after=retry_after, advice=advice
    )


def _redact(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return _SENSITIVE.sub("•••", printable)[:_MAX_DESCRIPTION]


def _redact_details(details: Any) -> dict[str, Any]:
    if not isinstance(details, dict):
        return {}
    return {_redact(name): _redact(str(value)) for name, value in details.items()}
