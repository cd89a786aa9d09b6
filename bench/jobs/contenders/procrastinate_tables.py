"""Makes Procrastinate's tables in BENCH_DATABASE_URL."""

from __future__ import annotations

from procrastinate import App, PsycopgConnector

from bench.jobs.contenders.program import DATABASE_URL

if __name__ == "__main__":
    with App(connector=PsycopgConnector(conninfo=DATABASE_URL)).open() as app:
        app.schema_manager.apply_schema()
