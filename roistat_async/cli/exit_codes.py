"""What an end means to the shell, and to the person who reads it."""

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

# What the library's own words do not say already.
_ADVICE: Final[tuple[tuple[type[errors.RoistatError], str], ...]] = (
    (
        errors.AuthenticationError,
        "They are ROISTAT_API_KEY (or --api-key-file) and ROISTAT_PROJECT",
    ),
    (errors.InvalidRequestError, "Check the options; a shorter period may help"),
    (errors.NotSentError, "Nothing was sent: check the network and the address"),
    (errors.TransportError, "Try again; what was done already is kept"),
    (errors.ServerError, "Try again in a few minutes"),
    (errors.MalformedResponseError, "Where a list has one bad record, --on-bad-record skip helps"),
    (errors.ResponseError, "Check ROISTAT_BASE_URL: something that is not Roistat answered"),
)


class NotInstalledError(Exception):
    """Say which extra a command needs."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra}: pip install 'roistat_async[{extra}]'")


class Terminated(BaseException):
    """Say that SIGTERM came and everything was closed."""


def exit_code_for(error: BaseException) -> int | None:
    """Give the exit code of an error that people cause or meet; None for a bug."""
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
    """Tell in one or two lines what happened and what to do next."""
    advice = [text for kind, text in _ADVICE if isinstance(error, kind)][:1]
    return [_message(error), *advice]


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
