"""A proxy that breaks on demand: between a client and any TCP or unix-socket server.

with fault_proxy("/run/valkey.sock") as proxy:      # or ("127.0.0.1", 5432)
    client = connect(proxy.host, proxy.port)
    with proxy.broken(BLACK_HOLE):
        ...                                          # connections of before are broken as well

It has a thread and an event loop of its own, so it works for tests with and without a loop; its calls
block until they are in force. Once a fault ends, what it held back flows on.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.faults.fault_kinds import FLAPPING, REFUSE, Fault
from tests.faults.fault_line import Line

_PATIENCE_SECONDS = 30.0
_ROUNDS = 5

Target = tuple[str, int] | str  # host and port, or the path of a unix socket


class FaultProxy:
    """Listens on a loopback port that stays its own also while connections are refused; any, where `port`
    is 0."""

    host = "127.0.0.1"

    def __init__(self, target: Target, port: int = 0) -> None:
        self.target = target
        self.fault: Fault | None = None
        self.connections_seen = 0
        self._lines: set[Line] = set()
        self._server: asyncio.Server | None = None
        self._flapping: asyncio.Task[None] | None = None
        self._flaps_over = asyncio.Event()
        # Bound and never listening: it keeps the port ours while connections are refused.
        self._claim = self._bound(port)
        self.port: int = self._claim.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._changed = asyncio.Event()
        self._in_loop(self._open())

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        """The fault is in force for this block, and gone after it."""
        self.set(fault)
        try:
            yield
        finally:
            self.set(None)

    def set(self, fault: Fault | None) -> None:
        """Puts a fault in force in place of the one before; None heals."""
        self._in_loop(self._set(fault))

    def cut(self) -> int:
        """Resets the connections there are; returns how many. New ones are welcome."""
        lines: int = self._in_loop(self._cut())
        return lines

    def close(self) -> None:
        self._in_loop(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        self._loop.close()
        self._claim.close()

    async def pause(self, seconds: float | None) -> None:
        """Within the proxy's loop: until the fault changes, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _in_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_SECONDS)

    async def _set(self, fault: Fault | None) -> None:
        if self._flapping is not None:
            self._flaps_over.set()
            await self._flapping
            self._flapping = None
        if fault is not None and fault == FLAPPING:
            self._flaps_over = asyncio.Event()
            self._flapping = asyncio.create_task(self._flap(fault.pause_seconds, self._flaps_over))
        else:
            await self._put(fault)

    async def _put(self, fault: Fault | None) -> None:
        self.fault = fault
        self._changed.set()
        self._changed = asyncio.Event()
        if fault == REFUSE:
            await self._refuse()
            await self._cut()
        elif self._server is None:
            await self._open()

    async def _flap(self, seconds: float, over: asyncio.Event) -> None:
        """So long down, so long up. It is told to end, not called off: half a change of the door would leave
        the port to a server that nobody knows."""
        for fault in itertools.cycle((REFUSE, None)):
            await self._put(fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), seconds)
            if over.is_set():
                return

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._bound(self.port), backlog=512)

    async def _refuse(self) -> None:
        """Who is on the way in is let in first: asyncio forgets to close one whose server goes meanwhile."""
        server, self._server = self._server, None
        if server is None:
            return
        for door in server.sockets:
            self._loop.remove_reader(door.fileno())
        await self._rounds()
        server.close()

    def _bound(self, port: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self.host, port))
        return bound

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Plain, so that the task is ours: asyncio's own handler of one complains when it is called off."""
        self.connections_seen += 1
        line = Line(self, reader, writer)
        self._lines.add(line)
        asyncio.create_task(line.run()).add_done_callback(lambda done: self._ended(line, done))

    def _ended(self, line: Line, done: asyncio.Task[None]) -> None:
        self._lines.discard(line)
        if done.cancelled():
            line.reset()  # it may have been called off before it began
        elif (error := done.exception()) is not None:
            raise error

    async def _cut(self) -> int:
        lines = list(self._lines)
        for line in lines:
            line.reset()
        return len(lines)

    async def _shut_down(self) -> None:
        await self._set(None)
        await self._refuse()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._rounds()  # and who was closed is gone

    async def _rounds(self) -> None:
        """asyncio lets a connection in, and out, within a few rounds of its loop."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)


@contextmanager
def fault_proxy(target: Target, port: int = 0) -> Iterator[FaultProxy]:
    """A proxy in front of a server, healthy at first."""
    proxy = FaultProxy(target, port)
    try:
        yield proxy
    finally:
        proxy.close()
