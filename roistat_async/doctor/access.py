"""Checks of the key, the project, the rights and the option of call tracking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import errors
from ..models.projects import Project
from .check import Check, unknown

KEY, PROJECT, RIGHTS, CALL_TRACKING = "key", "project", "rights", "call tracking"


def check_projects(
    answer: Iterable[Project] | errors.RoistatError, project: int
) -> Iterator[Check]:
    """Check the key and the project by the list of the projects that the key opens."""
    if isinstance(answer, errors.AuthenticationError):
        yield Check(KEY, "fail", "Roistat refuses the key", "every request raises this error")
        yield unknown(PROJECT, "the key is refused")
        return
    if isinstance(answer, errors.RoistatError):
        yield unknown(KEY, f"the list of projects raised {describe_error(answer)}")
        yield unknown(PROJECT, "the list of projects could not be read")
        return
    numbers = {row.id for row in answer}
    yield Check(KEY, "ok", f"opens {len(numbers)} project{'' if len(numbers) == 1 else 's'}")
    if project in numbers:
        yield Check(PROJECT, "ok", "is one of them")
    else:
        yield Check(
            PROJECT,
            "fail",
            "is not one of them: check ROISTAT_PROJECT, or whose key it is",
            "requests raise AccessDeniedError or AuthenticationError",
        )


def check_list(error: errors.RoistatError | None) -> Iterator[Check]:
    """Check the rights and the option by the first request of the list of calls."""
    match error:
        case None:
            yield Check(RIGHTS, "ok", "calls can be listed")
            yield Check(CALL_TRACKING, "ok", "is on")
        case errors.AuthenticationError() | errors.AccessDeniedError():
            yield Check(
                RIGHTS,
                "fail",
                f"the list of calls raised {describe_error(error)}: ask the owner of the project "
                "for the rights to call tracking",
                "requests raise this error; a sync of several projects goes on with the others",
            )
            yield unknown(CALL_TRACKING, "the calls cannot be listed")
        case errors.FeatureUnavailableError():
            yield unknown(RIGHTS, "the calls cannot be listed")
            yield Check(
                CALL_TRACKING,
                "fail",
                f"the list of calls raised {describe_error(error)}: switch call tracking on, or "
                "pay for it, in Roistat",
                "requests raise FeatureUnavailableError; an empty list is never returned instead",
            )
        case _:
            yield unknown(RIGHTS, f"the list of calls raised {describe_error(error)}")
            yield unknown(CALL_TRACKING, "the calls could not be listed")


def describe_error(error: errors.RoistatError) -> str:
    """Return kind and code of an error; its text may hold what Roistat wrote."""
    code = error.code if isinstance(error, errors.APIError) else None
    return f"{type(error).__name__} ({code})" if code else type(error).__name__
