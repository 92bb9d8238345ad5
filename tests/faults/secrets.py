"""What no error and no log may show, and how it is searched."""

from __future__ import annotations

from tests.transport.test_secrets import MARKER, PHONE, SECRETS, SENT_PHONE, TOLD, check

__all__ = ["MARKER", "PHONE", "SECRETS", "SENT_PHONE", "TOLD", "check", "hidden_from"]


def hidden_from(text: str) -> None:
    """Check that a text shows no key, no number and nothing of a body."""
    assert not [secret for secret in SECRETS if secret in text]
