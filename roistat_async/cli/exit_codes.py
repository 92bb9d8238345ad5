"""Exit codes, and the lines that explain an error."""

from __future__ import annotations

from typing import Final

from .. import errors

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PARTIAL: Final = 3
NO_ACCESS: Final = 4
INTERRUPTED: Final = 130
TERMINATED: Final = 143

# Advice that the library's own message does not give.
_ADVICE: Final[tuple[tuple[type[errors.RoistatError], str], ...]] = (
    (
        errors.AuthenticationError,
        "Check ROISTAT_API_KEY (or --api-key-file) and ROISTAT_PROJECT",
    ),
    (errors.InvalidRequestError, "Check the options; a shorter period may help"),
    (errors.NotSentError, "Nothing was sent: check the network and the address"),
    (errors.TransportError, "Try again; what is done stays done"),
    (errors.ServerError, "Try again in a few minutes"),
    (
        errors.MalformedResponseError,
        "If a record of a list is unreadable, --on-bad-record skip lists the others",
    ),
    (errors.ResponseError, "Check ROISTAT_BASE_URL: the response is not from Roistat"),
)


class NotInstalledError(Exception):
    """A library that the command needs is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra}: pip install 'roistat_async[{extra}]'")


class Terminated(BaseException):
    """SIGTERM was received, and everything was closed."""


def exit_code_for(error: BaseException) -> int | None:
    """Return the exit code of an expected error, or None for a bug."""
    match error:
        case errors.ConfigurationError() | NotInstalledError():
            return USAGE
        case errors.AuthenticationError() | errors.AccessDeniedError():
            return NO_ACCESS
        case errors.RoistatError() | OSError():
            return FAILED
        case _:
            return None


def error_lines(error: BaseException) -> list[str]:
    """Return one or two lines: what happened, and what to do next."""
    advice = [text for kind, text in _ADVICE if isinstance(error, kind)][:1]
    return [_message(error), *advice]


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
