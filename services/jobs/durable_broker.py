"""Jobs in PostgreSQL for dramatiq 2: the synchronous half, as dramatiq's threads see it.

Promises: a job runs at least once; never on two workers at the same time unless one of them has
lost its lease, and then that one's result is refused. Delays and retries are a column of the job's
row, not queues of their own. Jobs of actors that this worker does not know stay where they are.
Groups, pipelines, callbacks and results are refused: they would keep their state elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import dramatiq
from databases import Database
from dramatiq import Message, MessageProxy
from dramatiq.asyncio import EventLoopThread
from dramatiq.middleware import Middleware

from services.jobs.claims import ClaimedMessage
from services.jobs.durable_engine import DurableEngine
from services.jobs.observation import Observation
from services.jobs.verdicts import DONE, RELEASE, RETRY_OPTIONS, Verdict, judge
from services.jobs.worker_row import WorkerRow
from services.settings import WorkerSettings

logger = logging.getLogger("kiosk.jobs")
T = TypeVar("T")

_MESSAGE_OPTIONS = RETRY_OPTIONS | {"time_limit"}


class DurableBroker(dramatiq.Broker):
    """Consumes for one worker. `open_database` is called on the broker's own loop; `worker.threads`
    must be the number of threads the `dramatiq.Worker` is given."""

    def __init__(
        self,
        open_database: Callable[[], Database],
        settings: WorkerSettings,
        worker: WorkerRow,
        middleware: list[Middleware],
    ) -> None:
        super().__init__(middleware=[*middleware, Judgement()])
        self.queues: dict[str, queue.SimpleQueue[ClaimedMessage]] = {}
        self._open_database, self._settings, self._worker = open_database, settings, worker
        self._closed = False
        self._loop = EventLoopThread(logger)
        self._loop.start(timeout=5.0)
        self._database, self._engine = self._on_loop(self._open())

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = queue.SimpleQueue()
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Stores a message in a transaction of its own; `delay` in milliseconds. Raises ValueError for
        what this broker can't do, DatabaseUnavailable."""
        if refused := message.options.keys() - _MESSAGE_OPTIONS:
            raise ValueError(f"durable jobs can't have {', '.join(sorted(refused))}")
        self.emit_before("enqueue", message, delay)
        job_id = self._on_loop(self._engine.enqueue(message, (delay or 0) / 1000))
        message = message.copy(message_id=str(job_id))
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> Consumer:
        """dramatiq's `prefetch` counts for nothing here: claims follow the idle threads."""
        if queue_name not in self.queues:
            raise dramatiq.QueueNotFound(queue_name)
        self._on_loop(self._engine.start())
        return Consumer(self, self.queues[queue_name], timeout / 1000)

    def settle(self, message: ClaimedMessage, verdict: Verdict) -> None:
        """Hands the verdict over; it is written while the thread goes on."""
        if self._closed:
            logger.warning("%s: result not written, the worker has stopped", message)
            return
        self._loop.loop.call_soon_threadsafe(self._engine.settle, message.claim, verdict)

    def drain(self) -> None:
        """Stops claiming."""
        self._loop.loop.call_soon_threadsafe(self._engine.drain)

    def close(self) -> None:
        """Hands back what was not finished, signs the worker off, ends the loop."""
        self._on_loop(self._shut())
        self._closed = True
        self._loop.stop()

    async def _open(self) -> tuple[Database, DurableEngine]:
        database = self._open_database()
        await database.connect()
        known = self.get_declared_actors
        return database, DurableEngine(
            database, self._settings, self._worker, known, self.queues, self._crashed
        )

    def _crashed(self, queue_name: str, actor: str) -> None:
        for middleware in self.middleware:
            if isinstance(middleware, Observation):
                middleware.count_crash(queue_name, actor)

    async def _shut(self) -> None:
        await self._engine.finish()
        await self._database.disconnect()

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop.loop).result()


class Consumer(dramatiq.Consumer):
    """One queue's messages as they are claimed."""

    def __init__(
        self, broker: DurableBroker, inbox: queue.SimpleQueue[ClaimedMessage], timeout_seconds: float
    ) -> None:
        self._broker, self._inbox, self._timeout_seconds = broker, inbox, timeout_seconds

    def __next__(self) -> ClaimedMessage | None:
        try:
            return self._inbox.get(timeout=self._timeout_seconds)
        except queue.Empty:
            return None

    def ack(self, message: MessageProxy) -> None:
        assert isinstance(message, ClaimedMessage)
        self._broker.settle(message, DONE)

    def nack(self, message: MessageProxy) -> None:
        assert isinstance(message, ClaimedMessage)
        self._broker.settle(message, message.verdict)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        for message in messages:
            assert isinstance(message, ClaimedMessage)
            self._broker.settle(message, RELEASE)


class Judgement(Middleware):
    """Gives a message that raised its verdict, in the place of dramatiq's `Retries`."""

    @property
    def actor_options(self) -> set[str]:
        return set(RETRY_OPTIONS)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        assert isinstance(message, ClaimedMessage)
        if exception is None:
            message.verdict = DONE
            return
        message.fail()  # dramatiq then calls nack(), which carries the verdict
        options = {**broker.get_actor(message.actor_name).options, **message.options}
        message.verdict = judge(exception, message.claim.failures, options)
