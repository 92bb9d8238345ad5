"""Nested objects that are built on first use: most readers of a page look at few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

C = TypeVar("C", bound=type)


class _LazyEmptyDict:
    """Wait as an empty dict: most records have no unknown keys, and nobody asks for them."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def build_model(self) -> dict[str, Any]:
        """Give a dict of the record's own."""
        return {}


LAZY_EMPTY_DICT = _LazyEmptyDict()


class LazyAttribute:
    """Read and write one slot of a class, building what waits there.

    What waits has a method `build_model`; it cannot fail, for it was checked when it was read.
    """

    __slots__ = ("_get", "_ready", "_set", "slot")

    def __init__(self, slot: Any, ready: type) -> None:
        self.slot = slot
        self._get = slot.__get__
        self._set = slot.__set__
        self._ready = ready

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        value = self._get(instance, owner)
        if value is None or type(value) is self._ready:
            return value
        build = getattr(value, "build_model", None)
        if build is None:
            return value
        value = build()
        self._set(instance, value)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        self._set(instance, value)


def lazy_attributes(**ready: type) -> Callable[[C], C]:
    """Let the named slots of a class hold values that wait to be built; no reader sees one."""

    def wrap(cls: C) -> C:
        for name, kind in ready.items():
            setattr(cls, name, cast("Any", LazyAttribute(cls.__dict__[name], kind)))
        return cls

    return wrap


def raw_getter(owner: type, name: str) -> Callable[[Any], Any]:
    """Give what looks into a slot and builds nothing: what waits there is given as it is."""
    found = owner.__dict__[name]
    read: Callable[[Any], Any] = getattr(found, "slot", found).__get__
    return read
