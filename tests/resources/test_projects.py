"""Projects that the key opens, and clients without a project."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roistat_async import Project, Roistat, errors
from roistat_async.testing import FakeRoistat
from tests.helpers.clients import client
from tests.helpers.mocked import mocked


async def test_projects_are_listed_without_a_project(fake: FakeRoistat) -> None:
    """A client without a project lists all projects of the key, and makes clients of them."""
    fake.add_project(678, calls=3)
    async with Roistat(fake.api_key, base_url=fake.base_url) as roistat:
        numbers = [project.id for project in await roistat.projects.list()]
        assert numbers == [fake.project, 678]
        assert len(await roistat.for_project(678).calls.list().collect()) == 3
    assert "project" not in fake.requests[0].query


async def test_a_client_without_a_project_says_so(fake: FakeRoistat) -> None:
    """A request that needs a project raises ConfigurationError, and nothing is sent."""
    async with Roistat.from_env({"ROISTAT_API_KEY": fake.api_key}, project=None) as roistat:
        with pytest.raises(errors.ConfigurationError, match=r"for_project\(12345\)"):
            await roistat.scripts.list()
        with pytest.raises(errors.ConfigurationError, match="has no project"):
            roistat.project  # noqa: B018 - reading it raises
        assert "project=None" in repr(roistat)
    assert fake.requests == []


async def test_a_refused_key_lists_no_projects(fake: FakeRoistat) -> None:
    """A wrong key raises AuthenticationError."""
    async with client(fake.base_url, api_key="f" * 32) as roistat:
        with pytest.raises(errors.AuthenticationError):
            await roistat.projects.list()


async def test_a_project_in_the_forms_that_users_saw() -> None:
    """Numbers as text, flags as numbers and an unknown key are read, under either key."""
    for key in ("projects", "data"):
        record = (
            '{"id":"5","name":"Shop","profit":"1200.5","creation_date":"2016-06-19T09:31:01+0000",'
            '"currency":"RUB","is_owner":0,"icon":"x"}'
        )
        text = f'{{"{key}":[{record}],"status":"success"}}'
        async with mocked(text.encode()) as clients:
            (project,) = await clients.roistat.projects.list()
        assert project == Project(
            id=5,
            name="Shop",
            profit=1200.5,
            creation_date=datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC),
            currency="RUB",
            is_owner=False,
            extra={"icon": "x"},
        )
