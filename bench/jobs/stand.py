"""What the jobs are measured on: a PostgreSQL that waits for its disk, with our schema and Procrastinate's
in it, and a Valkey; and the programs that store jobs there and work on them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import asyncpg
import redis

from bench.jobs.processor import cpu_seconds
from bench.jobs.reports import Reports, Silence
from bench.stand import ROOT, run_module
from ops.local.leash import leashed
from ops.local.postgres import temporary_postgres
from ops.local.valkey import temporary_valkey
from services.queries import load_queries

_SQL = load_queries(__file__, "stand.sql")
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Contender:
    """`module` in `bench.jobs.contenders`, run by the peers' Python if it is one of them. `beside_history`:
    its jobs lie in the database with the old jobs."""

    name: str
    module: str
    peer: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    beside_history: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    folder: Path
    database_url: str
    history_url: str | None
    redis_socket: str
    peers: Path
    concurrency: int
    server_pids: tuple[int, int]
    stores: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ask(self, contender: Contender, verb: str, amount: float) -> dict[str, Any]:
        """Has the contender store jobs, and reads what it found out. Its program stays for the next time."""
        if contender.name not in self.stores:
            self.stores[contender.name] = self._start(contender, "store", subprocess.PIPE, {})
        store = self.stores[contender.name]
        assert store.stdin is not None
        assert store.stdout is not None
        store.stdin.write(f"{verb} {amount}\n".encode())
        store.stdin.flush()
        if not (line := store.stdout.readline()):
            sys.exit(f"bench: {contender.name} could not {verb}, see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @contextmanager
    def worker(self, contender: Contender, **variables: str) -> Iterator[Reports]:
        """Its worker at work, and what the jobs report."""
        address, log = self.folder / "report", self.folder / f"{contender.module}.log"
        address.unlink(missing_ok=True)
        with Reports(address) as reports, log.open("wb") as said:
            process = self._start(contender, "work", said, {**variables, "BENCH_REPORT": str(address)})
            try:
                yield reports
            except Silence:
                sys.exit(f"bench: the worker of {contender.name} fell silent: {log.read_text()[-2000:]}")
            finally:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def server_cpu_seconds(self) -> float:
        """What PostgreSQL with its children, living and dead, and Valkey have used so far."""
        return cpu_seconds(set(self.server_pids))

    def empty(self, contender: Contender) -> None:
        """Takes every job away; the old jobs stay."""
        with redis.Redis(unix_socket_path=self.redis_socket) as client:
            client.flushall()
        if not contender.beside_history:
            asyncio.run(execute(self.database_url, _SQL["empty"]))

    def settle_down(self, contender: Contender) -> None:
        """What autovacuum would do in time, done before the clock runs."""
        asyncio.run(execute(self._database_of(contender), "VACUUM (ANALYZE)"))

    def _database_of(self, contender: Contender) -> str:
        if contender.beside_history:
            assert self.history_url is not None
            return self.history_url
        return self.database_url

    def _start(
        self, contender: Contender, verb: str, output: int | IO[bytes], variables: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        python = self.peers / "bin" / "python" if contender.peer else Path(sys.executable)
        command = [str(python.absolute()), "-m", f"bench.jobs.contenders.{contender.module}", verb]
        environment = {
            **os.environ,
            "BENCH_DATABASE_URL": self._database_of(contender),
            "BENCH_REDIS_SOCKET": self.redis_socket,
            "BENCH_CONCURRENCY": str(self.concurrency),
            **contender.variables,
            **variables,
        }
        errors = None if verb == "store" else subprocess.STDOUT
        return subprocess.Popen(
            leashed(command, signal.SIGTERM),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
        )


@contextmanager
def stand(folder: Path, peers: Path, concurrency: int, history: int) -> Iterator[Stand]:
    """Everything up; with `history`, a second database with so many finished jobs. All gone at the end."""
    with temporary_postgres(durable=True) as postgres, temporary_valkey() as valkey:
        run_module([sys.executable, "-m", "ops.migrate"], {"DATABASE_URL": postgres.url})
        tables = [
            str((peers / "bin" / "python").absolute()),
            "-m",
            "bench.jobs.contenders.procrastinate_tables",
        ]
        run_module(tables, {"BENCH_DATABASE_URL": postgres.url})
        history_url = None
        if history:
            history_url = postgres.url.replace("/kiosk?", "/kiosk_history?")
            asyncio.run(execute(postgres.url, "CREATE DATABASE kiosk_history"))
            run_module([sys.executable, "-m", "ops.migrate"], {"DATABASE_URL": history_url})
            asyncio.run(_grow_old(history_url, history))
        pids = (postgres.pid, valkey.pid)
        place = Stand(folder, postgres.url, history_url, str(valkey.store.socket), peers, concurrency, pids)
        try:
            yield place
        finally:
            for store in place.stores.values():
                store.terminate()
                store.wait()


async def _grow_old(url: str, jobs: int) -> None:
    step = 100_000
    for first in range(0, jobs, step):
        await execute(url, _SQL["history"], min(step, jobs - first))
    await execute(url, "VACUUM (ANALYZE)")
    await execute(url, "CHECKPOINT")


async def execute(url: str, statement: str, *values: Any) -> None:
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(statement, *values)
    finally:
        await owner.close()


async def fetch_value(url: str, statement: str) -> Any:
    owner = await asyncpg.connect(url)
    try:
        return await owner.fetchval(statement)
    finally:
        await owner.close()
