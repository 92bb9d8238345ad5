"""What all tests share: how generated tests run."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a slow machine is no failure. No database: nothing is written beside the tests.
settings.register_profile("house", deadline=None, database=None)
settings.load_profile("house")
