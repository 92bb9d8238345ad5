"""A slot whose value is built on first use, and nobody can tell."""

from __future__ import annotations

import attrs
import pytest
from attrs import frozen

from roistat_async.models.lazy import lazy_attributes


@frozen
class Part:
    """Object that is built on first use."""

    number: int


class Waiting:
    """Placeholder of a part that counts how often it is built."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.builds = 0

    def build_model(self) -> Part:
        self.builds += 1
        return Part(self.number)


@lazy_attributes(part=Part)
@frozen
class Whole:
    """Model with a lazy part."""

    part: Part | None = None


def _waiting(number: int) -> tuple[Whole, Waiting]:
    waiting = Waiting(number)
    return Whole(waiting), waiting  # type: ignore[arg-type]


def test_part_is_built_once() -> None:
    """Every look gives the same object."""
    whole, waiting = _waiting(5)
    assert waiting.builds == 0
    assert whole.part is whole.part
    assert (whole.part, waiting.builds) == (Part(5), 1)


def test_waiting_part_equals_a_built_one() -> None:
    """Comparing, hashing and printing build it first."""
    for look in (repr, hash, attrs.asdict, lambda whole: whole == Whole(Part(5))):
        assert look(_waiting(5)[0]) == look(Whole(Part(5)))


@pytest.mark.parametrize("value", [None, Part(1), "text"])
def test_other_values_are_given_as_they_are(value: object) -> None:
    """None, a part, and what has nothing to build."""
    assert Whole(value).part is value  # type: ignore[arg-type]


def test_class_keeps_its_descriptor() -> None:
    """Looking at the class does not fail, as with any slot."""
    assert Whole.part is Whole.__dict__["part"]
    assert not hasattr(Whole(), "__dict__")
