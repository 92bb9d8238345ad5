"""Load the calls of ROISTAT_PROJECT into DuckDB, every night, with the key in ROISTAT_API_KEY."""

import dlt

from roistat_async.integrations.dlt import roistat_source


def main(since: str = "2026-01-01") -> None:
    """Load what is new since the last run, and the last day again."""
    pipeline = dlt.pipeline("roistat", destination="duckdb", dataset_name="telephony")
    pipeline.run()  # what a run that was killed has left
    print(pipeline.run(roistat_source(since=since)))


if __name__ == "__main__":
    main()
