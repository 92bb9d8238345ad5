"""Projects that the key opens."""

from __future__ import annotations

from attrs import frozen

from ..api.project_api import ProjectApi
from ..models.projects import Project
from ..wire import records

_LIST = "user/projects"


@frozen(eq=False)
class Projects:
    """Projects that the key opens; the client needs no project of its own."""

    _api: ProjectApi

    async def list(self) -> list[Project]:
        """Return all projects that the key opens.

        async with Roistat(api_key="...") as roistat:
            for project in await roistat.projects.list():
                client = roistat.for_project(project.id)
        """
        response = await self._api.read(_LIST, needs_project=False)
        return records.decode_plain_list(response.projects or response.data, Project)
