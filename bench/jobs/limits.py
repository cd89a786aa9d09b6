"""The limits: what PostgreSQL and Valkey do when nobody keeps jobs in them."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.jobs.stand import Stand, execute
from ops.local.postgres import programs_for

_ROWS = 10_000
_TABLE = f"""
CREATE TABLE IF NOT EXISTS public.bench_limit (id int PRIMARY KEY, state int NOT NULL DEFAULT 0);
INSERT INTO public.bench_limit (id) SELECT generate_series(1, {_ROWS}) ON CONFLICT DO NOTHING;
"""
_SCRIPT = """\\set id random(1, :rows)
UPDATE public.bench_limit SET state = state + 1 WHERE id = :id RETURNING id, state;
"""
_PUSH = b"*3\r\n$5\r\nLPUSH\r\n$11\r\nbench_limit\r\n$3\r\njob\r\n"
_POP = b"*3\r\n$5\r\nBRPOP\r\n$11\r\nbench_limit\r\n$1\r\n1\r\n"
_POPPED = len(b"*2\r\n$11\r\nbench_limit\r\n$3\r\njob\r\n")


def one_row_updates(place: Stand, seconds: float) -> float:
    """Transactions a second that each UPDATE one row RETURNING it, by pgbench, as many clients as workers
    have threads. They wait for the disk together."""
    asyncio.run(execute(place.database_url, _TABLE))
    program = programs_for(None, Path()) / "pgbench"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "update.sql"
        script.write_text(_SCRIPT)
        clients = ["-c", str(place.concurrency), "-j", "1", "-T", str(max(1, round(seconds)))]
        command = [
            str(program),
            "-n",
            "-M",
            "prepared",
            "-D",
            f"rows={_ROWS}",
            *clients,
            "-f",
            str(script),
            place.database_url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode != 0 or rate is None:
        sys.exit(f"bench: pgbench: {done.stderr[-2000:]}")
    return float(rate[1])


def push_and_pop(place: Stand, seconds: float) -> float:
    """Times a second that an item goes through a list by LPUSH and BRPOP. As many connections as workers have
    threads, served in turns by a client that does nothing else."""
    lines = [socket.socket(socket.AF_UNIX) for _ in range(place.concurrency)]
    try:
        for line in lines:
            line.connect(place.redis_socket)
        pairs, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            for _ in range(50):
                _turn(lines, _PUSH, 1)
                _turn(lines, _POP, _POPPED)
            pairs += 50 * len(lines)
        return pairs / (time.monotonic() - began)
    finally:
        for line in lines:
            line.close()


def _turn(lines: list[socket.socket], command: bytes, least: int) -> None:
    for line in lines:
        line.sendall(command)
    for line in lines:
        got = b""
        while len(got) < least or not got.endswith(b"\r\n"):
            got += line.recv(4096)
