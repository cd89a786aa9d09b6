"""Says prepared bytes to a port and reads what comes back: quick, and free to be as wrong as it likes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """`status` None: hung up without a word."""

    status: int | None
    head: bytes
    body: bytes


class Speaker:
    """One connection at a time, kept while it lasts. `listen_seconds`: of an exchange that can't go on, how
    long its answer is waited for."""

    def __init__(self, port: int, listen_seconds: float = 0.5) -> None:
        self._port, self._listen_seconds = port, listen_seconds
        self.resets = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def say(self, wire: bytes, *, closes: bool = False) -> Answer:
        """Raises TimeoutError when a whole request gets no answer."""
        if closes:
            return await self._say_broken(wire)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for _ in range(4):
                try:
                    answer = await self._exchange(wire, wire.startswith(b"HEAD "))
                except (ConnectionError, asyncio.IncompleteReadError):
                    # Given up meanwhile; or refused with so much unread that the reset overtook the word.
                    self.resets += 1
                    await self.close()
                    continue
                if answer.status is None or b"connection: close" in answer.head.lower():
                    await self.close()
                return answer
        return Answer(None, b"", b"")

    async def _exchange(self, wire: bytes, is_head: bool) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        reader, writer = self._streams
        writer.write(wire)
        head = await reader.readuntil(b"\r\n\r\n")
        while head.split(b" ", 2)[1] == b"100":
            head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if is_head or status in (204, 304):
            return Answer(status, head, b"")
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:-2])
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return Answer(status, head, await _chunks(reader))
        if b"content-length" in fields:
            return Answer(status, head, await reader.readexactly(int(fields[b"content-length"])))
        return Answer(status, head + b"connection: close", await reader.read())

    async def _say_broken(self, wire: bytes) -> Answer:
        heard = b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except ConnectionError:
            return Answer(None, b"", b"")
        try:
            writer.write(wire)
            async with asyncio.timeout(self._listen_seconds):
                while part := await reader.read(65536):
                    heard += part
        except (TimeoutError, ConnectionError):
            pass  # it waits for the rest, or hung up
        finally:
            await _close(writer)
        words = heard.split(b" ", 2)
        status = int(words[1]) if heard.startswith(b"HTTP/1.") and words[1].isdigit() else None
        return Answer(status, heard[:2000], b"")

    async def close(self) -> None:
        if self._streams is not None:
            await _close(self._streams[1])
            self._streams = None


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
