import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import uvloop

from services.http_client import http_client


def _hang_up(connection: socket.socket) -> None:
    """As the kernel does for a process that was killed: with a reset, not a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def _hanging_up() -> Iterator[str]:
    """A server that accepts and is gone."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                _hang_up(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


async def _errors(url: str, requests: int) -> set[str]:
    """What is raised that is none of httpx's own."""
    raised: set[str] = set()

    async with http_client(timeout=5) as client:

        async def ask() -> None:
            for _ in range(requests // 10):
                try:
                    await client.get(url)
                except httpx.HTTPError:
                    raised.add("httpx")
                except Exception as error:
                    raised.add(repr(error))

        await asyncio.gather(*(ask() for _ in range(10)))
    return raised


def test_a_peer_that_hangs_up_at_once_raises_only_errors_of_httpx() -> None:
    """On the loop that the services run on; without the transport some dozen of these end otherwise."""
    with _hanging_up() as url:
        assert uvloop.run(_errors(url, 2_000)) == {"httpx"}


@asynccontextmanager
async def _breaking_off() -> AsyncIterator[str]:
    """A server that promises ten bytes, sends three and resets the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()
        writer.transport.abort()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_an_answer_that_breaks_off_raises_an_error_of_httpx() -> None:
    async with _breaking_off() as url, http_client(timeout=5) as client:
        with pytest.raises(httpx.HTTPError):
            await client.get(url)


async def test_a_redirect_is_not_followed() -> None:
    """An address that somebody else names is not one of the settings."""
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server, http_client(timeout=5) as client:
        port = server.sockets[0].getsockname()[1]
        for _ in range(2):
            assert (await client.get(f"http://127.0.0.1:{port}/asked")).status_code == 302
    assert asked == [b"/asked", b"/asked"]
