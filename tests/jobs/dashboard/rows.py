"""A shop's jobs as they may stand on an ordinary bad day, as rows: some of each state, three causes of
failure, a worker that fell silent, and a week of figures."""

from __future__ import annotations

import math
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.jobs.failures import fingerprint_of
from services.jobs.statistics.histogram import add_to

Owner = asyncpg.Connection

MAIL = """Traceback (most recent call last):
  File "/srv/kiosk/services/jobs/actors.py", line 134, in run
    await work(*arguments)
  File "/srv/kiosk/services/jobs/actors.py", line 64, in send_receipt
    await mails.send_receipt(*post, _id(order_id))
  File "/srv/kiosk/services/checkout/mail/mails.py", line 41, in send_receipt
    await mailer.send(letter)
    ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/opt/venv/lib/python3.13/site-packages/aiosmtplib/api.py", line 122, in send
    async with client:
               ^^^^^^
  File "/opt/venv/lib/python3.13/site-packages/aiosmtplib/smtp.py", line 540, in __aenter__
    await self.connect()
  File "/usr/local/lib/python3.13/asyncio/tasks.py", line 507, in wait_for
    return await fut
           ^^^^^^^^^
  File "/srv/kiosk/services/checkout/mail/mailer.py", line 77, in _greet
    raise MailRefused(answer.code, answer.text)
services.checkout.mail.mailer.MailRefused: 454 4.7.0 Temporary authentication failure
"""
GATEWAY = """Traceback (most recent call last):
  File "/srv/kiosk/services/checkout/payments/following.py", line 88, in poll_payment
    intent = await gateway.retrieve(attempt)
  File "/opt/venv/lib/python3.13/site-packages/httpx/_client.py", line 1540, in request
    return await self.send(request, auth=auth, follow_redirects=follow_redirects)
  File "/opt/venv/lib/python3.13/site-packages/httpx/_transports/default.py", line 118, in map_errors
    raise mapped_exc(message) from exc
httpx.ReadTimeout: the gateway said nothing for 10 s
"""
STOCK = """Traceback (most recent call last):
  File "/srv/kiosk/services/checkout/stock/stock.py", line 31, in stock_initially
    await raw.execute(_FIRST_LEVELS, levels)
asyncpg.exceptions.CheckViolationError: new row for relation "stock_movements" violates a check
"""
CAUSES = (
    ("checkout.send_receipt", "services.checkout.mail.mailer.MailRefused", MAIL,
     "services/checkout/mail/mailer.py:Mailer._greet",
     "454 4.7.0 Temporary authentication failure", 7),
    ("checkout.poll_payment", "httpx.ReadTimeout", GATEWAY,
     "services/checkout/payments/following.py:poll_payment", "the gateway said nothing for 10 s", 3),
    ("checkout.stock_initially", "asyncpg.exceptions.CheckViolationError", STOCK,
     "services/checkout/stock/stock.py:stock_initially",
     'new row for relation "stock_movements" violates a check', 2),
)  # fmt: skip
QUIET = (
    "catalog.refresh_availability",
    "checkout.expire_order",
    "checkout.send_receipt",
    "checkout.send_shipped",
)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def add_job(owner: Owner, actor: str, state: str, **columns: Any) -> str:
    """A row of jobs.jobs; what is not said is as an enqueue would have it."""
    ended = state in ("done", "dead", "crashed", "discarded")
    row: dict[str, Any] = {
        "queue": "default",
        "actor": actor,
        "args": "[]",
        "state": state,
        "enqueued_at": ago(minutes=20),
        "run_at": ago(minutes=20),
        **({"finished_at": ago(minutes=10), "started_at": ago(minutes=10.01), "attempt": 1} if ended else {}),
        **columns,
    }
    names, marks = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    statement = f"INSERT INTO jobs.jobs ({names}) VALUES ({marks}) RETURNING id::text"
    job_id: str = await owner.fetchval(statement, *row.values())
    return job_id


async def add_attempt(owner: Owner, job_id: str, number: int, worker: uuid.UUID, **columns: Any) -> None:
    row = {
        "job_id": uuid.UUID(job_id),
        "number": number,
        "worker_id": worker,
        "release": "2026.5.2",
        **columns,
    }
    names, marks = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await owner.execute(f"INSERT INTO jobs.attempts ({names}) VALUES ({marks})", *row.values())


async def add_worker(owner: Owner, kind: str, pid: int, **columns: Any) -> uuid.UUID:
    row = {
        "id": uuid.uuid4(), "kind": kind, "host": "shop-1", "pid": pid, "release": "2026.5.2",
        "queues": ["default"], "threads": 16, "started_at": ago(hours=7), "leased_until": ago(seconds=-3600),
        "seen_at": ago(seconds=-3600), **columns,
    }  # fmt: skip
    names, marks = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await owner.execute(f"INSERT INTO jobs.workers ({names}) VALUES ({marks})", *row.values())
    worker: uuid.UUID = row["id"]
    return worker


async def add_dead(
    owner: Owner,
    worker: uuid.UUID,
    cause: tuple[str, str, str, str, str, int],
    minutes: float,
    tries: int = 3,
) -> str:
    """A job that failed `tries` times and has no tries left."""
    actor, error_class, text, frame, message, _ = cause
    fingerprint = fingerprint_of("durable", error_class, frame)
    order = str(uuid.UUID(int=random.Random(minutes).getrandbits(128), version=4))
    job_id = await add_job(
        owner, actor, "dead", args=msgspec.json.encode([order]).decode(), attempt=tries, failures=tries,
        enqueued_at=ago(minutes=minutes + 6), run_at=ago(minutes=minutes), started_at=ago(minutes=minutes),
        finished_at=ago(minutes=minutes), error_class=error_class, error_message=message,
        fingerprint=fingerprint, worker_id=worker, request_id="01JVF2Q8ZK5W", traceparent=
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )  # fmt: skip
    for number in range(1, tries + 1):
        begun = ago(minutes=minutes + 6 - 6 * number / tries, seconds=1.3)
        await add_attempt(
            owner, job_id, number, worker, outcome="failed", started_at=begun,
            finished_at=begun + timedelta(seconds=1.28), error_class=error_class, error_message=message,
            traceback=text,
        )  # fmt: skip
    return job_id


async def add_group(owner: Owner, cause: tuple[str, str, str, str, str, int], occurrences: int) -> str:
    actor, error_class, _, frame, message, _ = cause
    fingerprint = fingerprint_of("durable", error_class, frame)
    await owner.execute(
        "INSERT INTO jobs.failure_groups "
        "VALUES ($1, 'durable', $2, $3, $4, $5, $6, $7, $8, '2026.5.1', '2026.5.2')",
        fingerprint, actor, error_class, frame, message, ago(days=2, hours=occurrences),
        ago(minutes=60 / occurrences), occurrences,
    )  # fmt: skip
    return fingerprint


async def add_statistics(owner: Owner) -> None:
    """A week of figures with days and nights, an evening of failures, and a quiet fast half."""
    chance, now = random.Random(6), datetime.now(UTC)
    rows = []
    for seconds, points in ((60, 60), (600, 144), (3600, 168)):
        for place in range(points):
            at = datetime.fromtimestamp((int(now.timestamp()) // seconds - place) * seconds, UTC)
            day = 0.6 + 0.4 * math.sin((at.hour - 9) / 24 * 2 * math.pi)
            for backend, actor, rate in (
                ("durable", "checkout.send_receipt", 0.35),
                ("durable", "catalog.refresh_availability", 0.2),
                ("fast", "catalog.count_views", 0.5),
            ):
                done = round(seconds * rate * day * chance.uniform(0.7, 1.2))
                bad = place / points
                failed = round(done * (0.12 if 0.18 < bad < 0.3 else 0.002 if backend == "fast" else 0.01))
                durations: list[int] = []
                for _ in range(min(done, 60)):
                    slow = 6.0 if 0.18 < bad < 0.3 else 1.0
                    add_to(durations, chance.lognormvariate(3.2 if backend == "durable" else 1.6, 0.6) * slow)
                rows.append((seconds, at, backend, "default", actor, done, failed, durations))
    await owner.executemany(
        "INSERT INTO jobs.statistics (resolution_seconds, at, backend, queue, actor, done, retry, durations) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        rows,
    )


async def add_bad_day(owner: Owner) -> None:
    """All of it."""
    alive = await add_worker(owner, "durable", 411)
    await add_worker(owner, "durable", 412)
    await add_worker(owner, "fast", 417)
    await add_worker(
        owner, "durable", 380, release="2026.5.1", seen_at=ago(minutes=14), leased_until=ago(minutes=13)
    )
    await add_worker(
        owner, "fast", 379, release="2026.5.1", seen_at=ago(minutes=31), stopped_at=ago(minutes=31)
    )
    for place in range(40):
        actor, begun = QUIET[place % len(QUIET)], ago(minutes=1 + place * 0.7)
        given = msgspec.json.encode(
            [[{"sku": f"MUG-{place}", "available": place, "version": 7}]]
            if place % 4 == 0
            else [str(uuid.uuid4())]
        )
        job_id = await add_job(
            owner, actor, "done", args=given.decode(), finished_at=begun, started_at=begun, worker_id=alive
        )
        await add_attempt(
            owner,
            job_id,
            1,
            alive,
            outcome="done",
            started_at=begun - timedelta(seconds=0.04),
            finished_at=begun,
        )
    for cause in CAUSES:
        await add_group(owner, cause, cause[-1] * 9)
        for place in range(cause[-1]):
            await add_dead(owner, alive, cause, 4 + place * 11.3)
    await add_job(owner, "catalog.refresh_availability", "crashed", attempt=3, crashes=3, worker_id=alive)
    for place in range(4):
        when = ago(minutes=-12 - place * 7)
        await add_job(owner, "checkout.expire_order", "queued", args=f'["{uuid.uuid4()}"]', run_at=when)
    for place in range(3):
        await add_job(
            owner,
            "checkout.send_receipt",
            "queued",
            args=f'["{uuid.uuid4()}"]',
            run_at=ago(seconds=4 + place),
        )
    await add_job(
        owner,
        "checkout.send_refund",
        "blocked",
        args='["a-refund"]',
        concurrency_key="refunds",
    )
    started = ago(seconds=42)
    running = await add_job(
        owner, "checkout.poll_payment", "running", args=f'["{uuid.uuid4()}", 4]', attempt=1, worker_id=alive,
        lease_token=uuid.uuid4(), started_at=started,
    )  # fmt: skip
    now_running = [{"id": running, "actor": "checkout.poll_payment", "started_at": started.isoformat()}]
    await owner.execute(
        "UPDATE jobs.workers SET current_jobs = $1 WHERE id = $2",
        msgspec.json.encode(now_running).decode(),
        alive,
    )
    await add_job(owner, "checkout.send_shipped", "discarded", args='["an-order"]')
    await owner.execute(
        "INSERT INTO jobs.recurring_tasks VALUES "
        "('checkout.sweep', now(), now() + interval '6 minutes', NULL, now() - interval '4 minutes', NULL), "
        "('checkout.remind', now(), now() + interval '1 minutes', NULL, now() - interval '9 minutes', NULL), "
        "('jobs.purge', now(), now() + interval '4 minutes', "
        "now() - interval '1 hour', now() - interval '70 minutes', NULL)"
    )
    await add_statistics(owner)
