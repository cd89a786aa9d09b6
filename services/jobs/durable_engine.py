"""The asynchronous half of the durable broker: it beats, listens, claims and settles.

All of it runs on one event loop in a thread of its own, so a job that blocks the actors' loop can't
stop the heartbeat. Each loop outlives what goes wrong in it: PostgreSQL may restart at any time.

A worker claims only what its idle threads can begin at once. So no job waits in a busy worker's
memory, and a crash is counted against the jobs that ran, never against bystanders.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NoReturn

import sentry_sdk
from databases import Database
from dramatiq import Message

from services.database import connection
from services.errors import DatabaseUnavailable
from services.jobs import durable_store
from services.jobs.claims import Claim, ClaimedMessage
from services.jobs.verdicts import RELEASE, Verdict
from services.jobs.worker_row import WorkerRow
from services.settings import WorkerSettings

logger = logging.getLogger("kiosk.jobs")

_SETTLE_BATCH_MAX = 200
_PING_SECONDS = 15.0
_LAST_WORDS_SECONDS = 5.0


class DurableEngine:
    """Keeps one worker's claims. `inboxes` is where each queue's consumer finds its messages;
    `actors` tells which actors this worker knows."""

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
        worker: WorkerRow,
        actors: Callable[[], Collection[str]],
        inboxes: Mapping[str, queue.SimpleQueue[ClaimedMessage]],
    ) -> None:
        self._database, self._settings, self._worker = database, settings, worker
        self._actors, self._inboxes = actors, inboxes
        self._in_hand: dict[uuid.UUID, Claim] = {}
        self._verdicts: list[tuple[Claim, Verdict, asyncio.Future[bool]]] = []
        self._verdict_came, self._wake = asyncio.Event(), asyncio.Event()
        self._draining = False
        self._claiming = asyncio.Lock()
        self._answer_lost = False
        self._loops: list[asyncio.Task[NoReturn]] = []

    async def start(self) -> None:
        """Begins to work; once is enough."""
        if not self._loops:
            steps = (self._beat, self._listen, self._claim, self._settle)
            self._loops = [asyncio.create_task(self._keep_doing(step)) for step in steps]

    def drain(self) -> None:
        """Claims nothing more; what is in hand can still be settled."""
        self._draining = True
        self._wake.set()

    async def settle(self, claim: Claim, verdict: Verdict) -> bool:
        """Writes the verdict, however long PostgreSQL is away. False when the lease was lost."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._verdicts.append((claim, verdict, written))
        self._verdict_came.set()
        return await written

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
        for _, _, written in self._verdicts:
            written.cancel()

    async def _stop_loops(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    async def _hand_back(self) -> None:
        async with self._claiming:  # an answer may be on its way
            judged = {claim.job_id for claim, _, _ in self._verdicts}
            left = [claim for job_id, claim in self._in_hand.items() if job_id not in judged]
        await asyncio.gather(*(self.settle(claim, RELEASE) for claim in left))
        while self._verdicts:
            await asyncio.wait([written for _, _, written in self._verdicts])

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
        settings = self._settings
        await self._worker.beat(self._database)
        grace_seconds = 3 * settings.job_heartbeat_seconds
        recovered = await durable_store.recover(
            self._database, self._worker.release, settings.job_crashes_max, grace_seconds
        )
        for job_id, state in recovered.items():
            logger.warning("job recovered", extra={"facts": {"job": job_id, "state": state}})
        await asyncio.sleep(settings.job_heartbeat_seconds)

    async def _listen(self) -> None:
        lost = asyncio.Event()

        def on_termination(_connection: object) -> None:
            lost.set()

        async with connection(self._database) as raw:
            raw.add_termination_listener(on_termination)
            await raw.add_listener("jobs", self._heard)
            self._wake.set()  # for what was queued while nobody listened
            try:
                while True:
                    await _either(lost, _PING_SECONDS)
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
        idle = self._worker.threads - len(self._in_hand)
        if self._draining or idle <= 0:
            await self._wake.wait()
            return
        async with self._claiming:
            claimed = await self._claimed(idle)
            for message in claimed:
                self._in_hand[message.claim.job_id] = message.claim
                self._inboxes[message.queue_name].put(message)
        if len(claimed) < idle:
            await _either(self._wake, self._settings.job_poll_seconds)

    async def _claimed(self, jobs_max: int) -> list[ClaimedMessage]:
        """A claim whose answer was lost may have been granted, so the next one first puts that right."""
        try:
            if self._answer_lost:
                await durable_store.hand_back_unknown(self._database, self._worker, self._in_hand)
                self._answer_lost = False
            return await durable_store.claim(self._database, self._worker, self._actors(), jobs_max)
        except Exception:
            self._answer_lost = True
            raise

    async def _settle(self) -> None:
        if not self._verdicts:
            self._verdict_came.clear()
            await self._verdict_came.wait()
        batch = self._verdicts[:_SETTLE_BATCH_MAX]
        try:
            ours = await durable_store.settle(
                self._database, [(claim, verdict) for claim, verdict, _ in batch], self._worker.release
            )
        except DatabaseUnavailable:
            raise  # tried again until PostgreSQL is back
        except Exception as error:
            self._close(len(batch), error)
            raise
        self._close(len(batch), ours)

    def _close(self, count: int, outcome: set[uuid.UUID] | Exception) -> None:
        """Takes the first verdicts off the books and answers the threads that wait for them. One that
        can't be written at all is given up: its job is recovered when this worker has gone."""
        batch, self._verdicts[:count] = self._verdicts[:count], []
        for claim, _, written in batch:
            if self._in_hand.get(claim.job_id) == claim:
                del self._in_hand[claim.job_id]
            if written.done():
                continue
            if isinstance(outcome, Exception):
                written.set_exception(outcome)
            else:
                written.set_result(claim.job_id in outcome)
        self._wake.set()


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
