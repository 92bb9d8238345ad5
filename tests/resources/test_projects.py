"""Projects that the key opens, and clients without a project."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from roistat_async import Project, Roistat, errors
from roistat_async.testing import FakeRoistat
from tests.helpers.mocked import mocked


async def test_projects_are_listed_without_a_project(fake: FakeRoistat) -> None:
    """A client without a project lists all projects of its key, and makes clients of them."""
    fake.add_project(678, calls=3)
    async with Roistat(fake.api_key, base_url=fake.base_url) as roistat:
        numbers = [project.id for project in await roistat.projects.list()]
        assert numbers == [fake.project, 678]
        pages = roistat.for_project(678).calls.list().pages()
        assert [(len(page.items), page.total) async for page in pages] == [(3, 3)]
    assert "project" not in fake.requests[0].query
    async with Roistat("f" * 32, base_url=fake.base_url) as roistat:
        with pytest.raises(errors.AuthenticationError):
            await roistat.projects.list()


async def test_a_client_without_a_project_says_so(fake: FakeRoistat) -> None:
    """A request that needs a project raises ConfigurationError, and nothing is sent."""
    async with Roistat.from_env({"ROISTAT_API_KEY": fake.api_key}, project=None) as roistat:
        with pytest.raises(errors.ConfigurationError, match=r"for_project\(12345\)"):
            await roistat.scripts.list()
        with pytest.raises(errors.ConfigurationError, match="has no project"):
            roistat.project  # noqa: B018 - reading it raises
        assert "project=None" in repr(roistat)
    assert fake.requests == []


@pytest.mark.parametrize("key", ["projects", "data"])
async def test_a_project_in_the_forms_that_users_saw(key: str) -> None:
    """Numbers as text, flags as numbers and an unknown key are read, under either key."""
    record = {"id": "5", "name": "Shop", "profit": "1200.5", "is_owner": 0, "currency": "RUB",
              "creation_date": "2016-06-19T09:31:01+0000", "icon": "x"}  # fmt: skip
    async with mocked(json.dumps({key: [record], "status": "success"}).encode()) as clients:
        (project,) = await clients.roistat.projects.list()
    date = datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC)
    assert project == Project(
        id=5, name="Shop", profit=1200.5, creation_date=date, currency="RUB", is_owner=False,
        extra={"icon": "x"},
    )  # fmt: skip
