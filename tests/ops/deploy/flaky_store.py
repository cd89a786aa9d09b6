"""A tiny store on a real socket that answers well or badly, as a test wants: what the probe asks of it, it
has."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

RELEASE = "r7"
_PAGE = b'<link rel="stylesheet" href="/assets/store.0011.css"><script src="/assets/cart.0022.js"></script>'
_ANSWERS = {
    "/api/catalog/products": json.dumps({"items": [{"slug": "vase"}]}).encode(),
    "/api/catalog/categories": json.dumps({"items": [{"slug": "home"}]}).encode(),
}


class FlakyStore:
    """`fault` is what happens to the next requests of a path: a status, `reset`, `cut` (half an answer),
    `silent`, or `stranger` (an answer without X-Release). `seen` counts requests by path, `keys` the
    idempotency keys, `agents` the user agents."""

    def __init__(self) -> None:
        self.faults: dict[str, str | int] = {}
        self.seen: Counter[str] = Counter()
        self.keys: set[str] = set()
        self.agents: set[str] = set()
        self.connections = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept until either side closes it."""
        self.connections += 1
        self.writers.add(writer)
        try:
            while head := await _head(reader):
                method, path = head[0].split()[:2]
                self._note(path, head)
                fault = self.faults.get(path.partition("?")[0])
                if fault == "reset":
                    _reset(writer)
                    return
                if fault == "silent":
                    await asyncio.sleep(3600)
                writer.write(_reply(method, path, fault))
                await writer.drain()
                if fault == "cut":
                    return
        except OSError:
            return
        finally:
            self.writers.discard(writer)
            writer.close()

    async def hang_up(self) -> None:
        """Ends every connection, and waits until that is done: what is left open when the loop ends is
        told of as a leak, in whichever test comes next."""
        for _ in range(5):  # a connection that has just come has its task after a few rounds
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for writer in list(self.writers):
            writer.transport.abort()
        while self.writers or len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _note(self, path: str, head: list[str]) -> None:
        self.seen[path.partition("?")[0]] += 1
        headers = dict(line.lower().split(": ", 1) for line in head[1:])
        self.agents.add(headers.get("user-agent", ""))
        if key := headers.get("idempotency-key"):
            self.keys.add(key)


async def _head(reader: asyncio.StreamReader) -> list[str]:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    except asyncio.IncompleteReadError:
        return []


def _reply(method: str, path: str, fault: str | int | None) -> bytes:
    body = _ANSWERS.get(path.partition("?")[0], _PAGE if not path.startswith("/assets/") else b"body{}")
    status = fault if isinstance(fault, int) else 201 if method == "POST" else 200
    ours = "" if fault == "stranger" else f"X-Release: {RELEASE}\r\n"
    head = f"HTTP/1.1 {status} Whatever\r\n{ours}Content-Length: {len(body)}\r\n\r\n".encode()
    return head + (body[: len(body) // 2] if fault == "cut" else body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: nothing lingers."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def flaky_store() -> Iterator[FlakyStore]:
    """Serves in a thread of its own inside."""
    store, loop = FlakyStore(), asyncio.new_event_loop()
    listening = loop.run_until_complete(asyncio.start_server(store.answer, "127.0.0.1", 0))
    store.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.run_until_complete(store.hang_up())
        loop.close()
