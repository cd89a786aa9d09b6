"""One connection through a `FaultProxy`: both directions, each at the mercy of the fault in force."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Protocol

from tests.faults.fault_kinds import BLACK_HOLE, RESET, Fault

_CHUNK_BYTES = 65_536


class Weather(Protocol):
    """The proxy, as its lines see it."""

    target: tuple[str, int] | str
    fault: Fault | None

    async def pause(self, seconds: float | None) -> None: ...


class Line:
    """From a client to the target and back."""

    def __init__(self, proxy: Weather, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._reader, self._writer = proxy, reader, writer
        self._far: asyncio.StreamWriter | None = None
        self._was_reset = False

    async def run(self) -> None:
        """Until one of the two ends it."""
        try:
            while self._proxy.fault == BLACK_HOLE:
                await self._proxy.pause(None)
            with suppress(OSError):
                reply, self._far = await self._connect()
                await self._both_ways(reply, self._far)
        finally:
            for writer in (self._writer, self._far):
                if writer is not None:
                    writer.close()

    def reset(self) -> None:
        """An RST to the client; a mere end to the server."""
        self._was_reset = True
        opened: socket.socket = self._writer.get_extra_info("socket")
        with suppress(OSError):  # it has gone by itself
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        if self._far is not None:
            self._far.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._proxy.target, str):
            return await asyncio.open_unix_connection(self._proxy.target)
        return await asyncio.open_connection(*self._proxy.target)

    async def _both_ways(self, reply: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
        copies = [
            asyncio.create_task(self._copy(self._reader, far, is_reply=False)),
            asyncio.create_task(self._copy(reply, self._writer, is_reply=True)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        while (data := await reader.read(_CHUNK_BYTES)) and not self._was_reset:
            await self._pass_on(data, writer, is_reply=is_reply)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        while data and not self._was_reset:
            fault = self._proxy.fault
            if fault is not None and fault.replies_only and not is_reply:
                fault = None
            if fault == BLACK_HOLE:
                await self._proxy.pause(None)
                continue
            piece = len(data) if fault is None else fault.piece_bytes or len(data)
            if fault is not None and fault.pause_seconds:
                await self._proxy.pause(fault.pause_seconds)
            if fault == RESET:
                piece = len(data) // 2
            writer.write(data[:piece])
            await writer.drain()
            data = data[piece:]
            if fault == RESET:
                self.reset()
