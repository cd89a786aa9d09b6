"""The asynchronous half of the durable broker: it beats, listens, claims and settles.

All of it runs on one event loop in a thread of its own, so a job that blocks the actors' loop can't
stop the heartbeat. Each loop outlives what goes wrong in it: PostgreSQL may restart at any time.

A worker claims what its idle threads can begin at once, and a few moments' work ahead while jobs are short
(`claims_ahead`); what then waits all the same goes back. A thread does not wait until its verdict is
written: it begins the next job meanwhile, and verdicts that pile up are written together.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NoReturn

import sentry_sdk
from databases import Database
from dramatiq import Message

from services.database import connection
from services.errors import DatabaseUnavailable
from services.events import wait_at_most
from services.jobs import durable_store
from services.jobs.claims import Claim, ClaimedMessage
from services.jobs.claims_ahead import ClaimsAhead
from services.jobs.verdicts import RELEASE, Verdict
from services.jobs.worker_row import WorkerRow
from services.settings import WorkerSettings

logger = logging.getLogger("kiosk.jobs")

_SETTLE_BATCH_MAX = 200
_PING_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_LAST_WORDS_SECONDS = 5.0


class DurableEngine:
    """Keeps one worker's claims. `inboxes` is where each queue's consumer finds its messages;
    `actors` tells which actors this worker knows; `crashed` is told queue and actor of every attempt that
    a dead worker left."""

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
        worker: WorkerRow,
        actors: Callable[[], Collection[str]],
        inboxes: Mapping[str, queue.SimpleQueue[ClaimedMessage]],
        crashed: Callable[[str, str], None],
    ) -> None:
        self._database, self._settings, self._worker = database, settings, worker
        self._actors, self._inboxes, self._crashed = actors, inboxes, crashed
        self._in_hand: dict[uuid.UUID, Claim] = {}
        self._ahead = ClaimsAhead(worker.threads, self._begin, time.monotonic)
        self._verdicts: list[tuple[Claim, Verdict, float]] = []  # not written yet; seconds before it began
        self._verdict_came, self._wake = asyncio.Event(), asyncio.Event()
        self._all_written = asyncio.Event()
        self._draining = False
        self._claiming = asyncio.Lock()
        self._answer_lost = False
        self._beaten = asyncio.Event()
        self._singly = 0  # so many verdicts are written one by one
        self._given_up: dict[uuid.UUID, uuid.UUID] = {}  # leases by job
        self._loops: list[asyncio.Task[NoReturn]] = []

    async def start(self) -> None:
        """Begins to work; once is enough."""
        if not self._loops:
            steps = (self._beat, self._tend, self._listen, self._claim, self._give_way, self._settle)
            self._loops = [asyncio.create_task(self._keep_doing(step)) for step in steps]

    def drain(self) -> None:
        """Claims nothing more, and begins nothing that waits; what is begun can still be settled."""
        self._draining = True
        self._ahead.stop()
        self._wake.set()

    def settle(self, claim: Claim, verdict: Verdict) -> None:
        """Takes a verdict to be written as soon as PostgreSQL lets it; the claim's thread is idle now."""
        self._verdicts.append((claim, verdict, self._ahead.end(claim)))
        self._all_written.clear()
        self._verdict_came.set()
        self._wake.set()

    async def enqueue(self, message: Message[Any], delay_seconds: float) -> uuid.UUID:
        return await durable_store.enqueue_message(self._database, message, delay_seconds)

    async def finish(self) -> None:
        """Hands back what is still in hand, signs off and stops; a few seconds at most, for the leases
        end by themselves."""
        if not self._loops:
            return
        self.drain()
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._hand_back()
                await self._stop_loops()  # a heartbeat after the sign-off would undo it
                await self._worker.leave(self._database)
        except (TimeoutError, DatabaseUnavailable):
            logger.warning("could not sign off; other workers take over when the lease ends")
            await self._stop_loops()
        for claim, _, _ in self._verdicts:
            logger.warning("result not written, the worker has stopped", extra=_facts(claim))

    async def _stop_loops(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def _hand_back(self) -> None:
        async with self._claiming:  # an answer may be on its way
            await self._hand_back_waiting()
            judged = {claim.job_id for claim, _, _ in self._verdicts}
            left = [claim for job_id, claim in self._in_hand.items() if job_id not in judged]
        for claim in left:
            self.settle(claim, RELEASE)
        if self._verdicts:
            await self._all_written.wait()

    async def _keep_doing(self, step: Callable[[], Awaitable[None]]) -> NoReturn:
        failures = 0
        while True:
            try:
                await step()
                failures = 0
                continue
            except DatabaseUnavailable as error:
                if not failures:
                    facts = {"step": step.__name__, "why": repr(error.__cause__)}
                    logger.warning("database away", extra={"facts": facts})
            except Exception as error:
                logger.exception("unexpected error in the durable broker")
                sentry_sdk.capture_exception(error)
            failures += 1
            await asyncio.sleep(min(2.0, 0.05 * 2**failures) * random.uniform(0.5, 1.0))  # noqa: S311

    async def _beat(self) -> None:
        await self._worker.beat(self._database)
        self._beaten.set()
        await asyncio.sleep(self._settings.job_heartbeat_seconds)

    async def _tend(self) -> None:
        """After each heartbeat, but not in its way: what dead workers left, what this one was given without
        its knowing, what waits for a slot that is free."""
        await self._beaten.wait()
        self._beaten.clear()
        settings, given_up = self._settings, dict(self._given_up)
        recovered = await durable_store.recover(
            self._database,
            self._worker.release,
            settings.job_crashes_max,
            3 * settings.job_heartbeat_seconds,
            given_up.values(),
        )
        for job in recovered:
            logger.warning("job recovered", extra={"facts": {"job": job.job_id, "state": job.state}})
            self._crashed(job.queue, job.actor)
        for job_id, lease_token in given_up.items():
            if self._given_up.get(job_id) == lease_token:  # rule: secret-compare, because both are our own
                del self._given_up[job_id]
        async with self._claiming:  # or a claim whose answer is on its way would be undone
            await self._hand_back_unknown()
        await durable_store.unblock(self._database)

    async def _hand_back_unknown(self) -> None:
        known = self._in_hand.keys() | self._given_up.keys()
        if count := await durable_store.hand_back_unknown(self._database, self._worker, known):
            logger.info("jobs handed back that were never begun", extra={"facts": {"jobs": count}})
            self._wake.set()

    async def _listen(self) -> None:
        lost = asyncio.Event()

        def on_termination(_connection: object) -> None:
            lost.set()

        async with connection(self._database, resting=True) as raw:
            raw.add_termination_listener(on_termination)
            await raw.add_listener("jobs", self._heard)
            self._wake.set()  # for what was queued while nobody listened
            try:
                while True:
                    await wait_at_most(lost, _PING_SECONDS)
                    if lost.is_set():
                        raise DatabaseUnavailable()
                    await raw.execute("SELECT 1")  # a silent network looks like a quiet queue
            finally:
                if not lost.is_set():
                    raw.remove_termination_listener(on_termination)
                    await raw.remove_listener("jobs", self._heard)

    def _heard(self, _connection: object, _pid: int, _channel: str, queue_name: object) -> None:
        if queue_name in self._inboxes:
            self._wake.set()

    async def _claim(self) -> None:
        self._wake.clear()
        if self._ahead.is_stuck():
            async with self._claiming:
                await self._hand_back_waiting()
        wanted, idle = self._ahead.room()
        if wanted <= 0 or len(self._verdicts) >= _SETTLE_BATCH_MAX:
            await self._wake.wait()
            return
        async with self._claiming:
            claimed, blocked = await self._claimed(wanted, idle)
            self._in_hand |= {message.claim.job_id: message.claim for message in claimed}
            self._ahead.take(claimed)
        if len(claimed) + blocked < (idle or wanted):
            await wait_at_most(self._wake, self._settings.job_poll_seconds)

    def _begin(self, message: ClaimedMessage) -> None:
        self._inboxes[message.queue_name].put(message)

    async def _give_way(self) -> None:
        """Has an eye on what was claimed ahead and waits behind long jobs: other workers may be idle."""
        await asyncio.sleep(_LOOK_SECONDS)
        if self._ahead.is_stuck():
            self._wake.set()

    async def _hand_back_waiting(self) -> None:
        for claim in self._ahead.drop_waiting():
            if self._in_hand.get(claim.job_id) == claim:
                del self._in_hand[claim.job_id]
        await self._hand_back_unknown()

    async def _claimed(self, jobs_max: int, at_once: int) -> tuple[list[ClaimedMessage], int]:
        """A claim whose answer was lost may have been granted, so the next one first puts that right. One
        that the server grants later still is found with a heartbeat."""
        try:
            if self._answer_lost:
                await self._hand_back_unknown()
                self._answer_lost = False
            return await durable_store.claim(self._database, self._worker, self._actors(), jobs_max, at_once)
        except Exception:
            self._answer_lost = True
            raise

    async def _settle(self) -> None:
        if not self._verdicts:
            self._verdict_came.clear()
            await self._verdict_came.wait()
        batch = self._verdicts[: 1 if self._singly else _SETTLE_BATCH_MAX]
        try:
            ours = await durable_store.settle(self._database, batch, self._worker.release)
        except DatabaseUnavailable:
            raise  # tried again until PostgreSQL is back
        except Exception as error:
            if len(batch) > 1:
                self._singly = len(batch)  # one of them is to blame
            else:
                self._close(1, error)
            raise
        self._close(len(batch), ours)

    def _close(self, count: int, outcome: set[uuid.UUID] | Exception) -> None:
        """Takes the first verdicts off the books. One that can't be written at all is given up, and counts
        as a crash."""
        batch, self._verdicts[:count] = self._verdicts[:count], []
        self._singly = max(0, self._singly - count)
        for claim, _, _ in batch:
            if isinstance(outcome, Exception):
                self._given_up[claim.job_id] = claim.lease_token
            elif claim.job_id not in outcome:
                logger.warning("result refused, the lease was lost", extra=_facts(claim))
            if self._in_hand.get(claim.job_id) == claim:
                del self._in_hand[claim.job_id]
        if not self._verdicts:
            self._all_written.set()
        self._wake.set()


def _facts(claim: Claim) -> dict[str, Any]:
    return {"facts": {"job": claim.job_id}}
