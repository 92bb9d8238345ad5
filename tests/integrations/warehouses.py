"""Warehouses that dlt loads into: a file of DuckDB and a database of PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import define

from roistat_async.testing import FakeRoistat

DATASET = "telephony"


@define
class Warehouse:
    """One destination, with the folder in which dlt works."""

    name: str
    location: str
    folder: Path

    @cached_property
    def pipeline(self) -> Any:
        """Pipeline into this destination."""
        import dlt

        destination = getattr(dlt.destinations, self.name)(self.location)
        folder = str(self.folder / "pipelines")
        return dlt.pipeline(
            "roistat", pipelines_dir=folder, destination=destination, dataset_name=DATASET
        )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Execute a query in the schema of the dataset; return its rows."""
        if self.name == "duckdb":
            import duckdb

            with duckdb.connect(self.location) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"USE {DATASET}")
                rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
                return rows
        import psycopg

        with closing(psycopg.connect(self.location, autocommit=True)) as session:
            session.execute(f"SET search_path = {DATASET}")
            return session.execute(query.encode()).fetchall()

    def calls(self) -> list[tuple[Any, ...]]:
        """Return the key, comment and status of each row, in order."""
        query = "SELECT project, id, comment, status FROM calls ORDER BY project, id"
        return self.ask(query)


def expected_calls(fake: FakeRoistat) -> list[tuple[Any, ...]]:
    """Return what `Warehouse.calls` must return if nothing was lost or duplicated."""
    return sorted(
        (number, row["id"], row.get("comment"), row["status"])
        for number, project in fake.projects.items()
        for row in project.calls
    )
