"""Lazy attributes: built on first access, without a difference to the caller."""

from __future__ import annotations

import attrs
import pytest
from attrs import define, frozen

from roistat_async.models.lazy import lazy_attributes


@frozen
class Part:
    """Object that is built."""

    number: int


@define
class Unbuilt:
    """Placeholder that counts how often it is built."""

    number: int
    builds: int = 0

    def build_model(self) -> Part:
        self.builds += 1
        return Part(self.number)


@lazy_attributes(part=Part)
@frozen
class Whole:
    """Model with a lazy attribute."""

    part: Part | None = None


def _unbuilt(number: int) -> tuple[Whole, Unbuilt]:
    unbuilt = Unbuilt(number)
    return Whole(unbuilt), unbuilt  # type: ignore[arg-type]  # as decoded


def test_part_is_built_once() -> None:
    """Every access returns the same object."""
    whole, unbuilt = _unbuilt(5)
    assert unbuilt.builds == 0
    assert whole.part is whole.part
    assert (whole.part, unbuilt.builds) == (Part(5), 1)


def test_unbuilt_part_equals_a_built_part() -> None:
    """Comparing, hashing and printing build it first."""
    for view in (repr, hash, attrs.asdict, lambda whole: whole == Whole(Part(5))):
        assert view(_unbuilt(5)[0]) == view(Whole(Part(5)))


@pytest.mark.parametrize("value", [None, Part(1), "text"])
def test_other_values_are_returned_unchanged(value: object) -> None:
    """None, a built object and a value without `build_model` are returned as they are."""
    assert Whole(value).part is value  # type: ignore[arg-type]  # any value


def test_class_keeps_its_descriptor() -> None:
    """Access through the class returns the descriptor, as with any slot."""
    assert Whole.part is Whole.__dict__["part"]
    assert not hasattr(Whole(), "__dict__")
