"""Libraries of extras that are not installed."""

from __future__ import annotations

import pytest

from roistat_async import errors
from roistat_async.extras import import_extra


def test_a_missing_extra_is_named() -> None:
    """The error has the command that installs it; an installed module is returned."""
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'roistat_async\[tables\]'"):
        import_extra("no_such_library", extra="tables")
    assert import_extra("xml.dom", extra="tables").__name__ == "xml.dom"
