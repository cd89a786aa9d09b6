"""The fault proxy itself: each fault is what it says, in front of a real server, and ends when told."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ops.local.valkey import TemporaryValkey
from tests.faults.fault_kinds import (
    BLACK_HOLE,
    DRIP,
    FAULTS,
    FLAPPING,
    NARROW,
    REFUSE,
    RESET,
    SLOW,
    Fault,
    latency,
)
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.store import wait_until

PING, PONG = b"PING\r\n", b"+PONG\r\n"
EARLY_SECONDS = 0.01  # by so much a timer may be


@pytest.fixture
def proxy(valkey: TemporaryValkey) -> Iterator[FaultProxy]:
    with fault_proxy(str(valkey.store.socket)) as made:
        yield made


@contextlib.contextmanager
def _line(proxy: FaultProxy, patience_seconds: float = 20.0) -> Iterator[socket.socket]:
    with socket.create_connection((proxy.host, proxy.port), patience_seconds) as line:
        yield line


def _ask(line: socket.socket) -> bytes:
    line.sendall(PING)
    return _read(line, len(PONG))


def _read(line: socket.socket, size: int) -> bytes:
    """Up to so many bytes, fewer when the other side ends."""
    got = b""
    while len(got) < size and (piece := line.recv(size - len(got))):
        got += piece
    return got


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def _pongs(proxy: FaultProxy) -> bool:
    try:
        with _line(proxy) as line:
            return _ask(line) == PONG
    except OSError:
        return False


def test_a_whole_proxy_passes_everything_on(proxy: FaultProxy) -> None:
    with _line(proxy) as line:
        assert _ask(line) == PONG
        value = bytes(range(256)) * 2000
        line.sendall(b"SET big " + b"x" * 10 + b"\r\n")
        assert _read(line, 5) == b"+OK\r\n"
        line.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(value), value))
        assert _read(line, len(value) + 11)[9:-2] == value
    assert proxy.connections_seen == 1


def test_refused_is_refused_for_new_connections_and_cuts_those_there_are(proxy: FaultProxy) -> None:
    with _line(proxy) as line:
        assert _ask(line) == PONG
        with proxy.broken(REFUSE):
            with pytest.raises(ConnectionRefusedError), _line(proxy):
                pytest.fail("was let in")
            with pytest.raises(ConnectionError):
                _ask(line)
    assert _pongs(proxy), "the port was kept and answers again"


def test_a_black_hole_takes_connections_and_never_answers_until_it_ends(proxy: FaultProxy) -> None:
    with _line(proxy) as old, contextlib.ExitStack() as later:
        assert _ask(old) == PONG
        with proxy.broken(BLACK_HOLE):
            new = later.enter_context(_line(proxy))
            for line in (old, new):
                line.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    _ask(line)
        for line in (old, new):
            line.settimeout(20)
            assert _read(line, len(PONG)) == PONG, "what was held back flows on"


@pytest.mark.parametrize("fault", [SLOW, latency(0.5)], ids=str)
def test_a_slow_reply_comes_whole_and_late(proxy: FaultProxy, fault: Fault) -> None:
    with proxy.broken(fault), _line(proxy) as line:
        began = time.monotonic()
        line.sendall(PING)
        assert line.recv(100) == PONG
        assert time.monotonic() - began >= fault.pause_seconds - EARLY_SECONDS


def test_a_dripping_reply_comes_byte_by_byte(proxy: FaultProxy) -> None:
    with proxy.broken(DRIP), _line(proxy) as line:
        began = time.monotonic()
        line.sendall(PING)
        assert _read(line, 1) == PONG[:1]
        assert time.monotonic() - began >= DRIP.pause_seconds - EARLY_SECONDS
        assert _read(line, 1) == PONG[1:2]
        assert time.monotonic() - began >= 2 * DRIP.pause_seconds - EARLY_SECONDS
        proxy.set(None)
        assert _read(line, len(PONG) - 2) == PONG[2:], "the rest flows when the fault ends"


def test_a_narrow_way_carries_little_at_a_time(proxy: FaultProxy) -> None:
    with proxy.broken(NARROW), _line(proxy) as line:
        began = time.monotonic()
        line.sendall(b"*2\r\n$4\r\nECHO\r\n$120\r\n%s\r\n" % (b"x" * 120))
        assert _read(line, 128) == b"$120\r\n%s\r\n" % (b"x" * 120)
        took_seconds = time.monotonic() - began
    assert took_seconds >= 6 * NARROW.pause_seconds - EARLY_SECONDS, "three pieces there, three back"


def test_a_reset_comes_after_half_a_reply(proxy: FaultProxy) -> None:
    with proxy.broken(RESET), _line(proxy) as line:
        line.sendall(PING)
        with pytest.raises(ConnectionResetError):
            _read(line, len(PONG))
    assert _pongs(proxy)


def test_a_flapping_server_is_there_and_not_there_again_and_again(proxy: FaultProxy) -> None:
    with proxy.broken(FLAPPING):
        for _ in range(2):
            wait_until(lambda: not _pongs(proxy), "it is away")
            wait_until(lambda: _pongs(proxy), "it is back")
    assert _pongs(proxy)


def test_a_flapping_server_can_be_healed_at_any_moment(proxy: FaultProxy) -> None:
    for _ in range(50):
        proxy.set(FLAPPING)  # the next word comes while it shuts its door
        proxy.set(None)
    assert _pongs(proxy)


def test_a_cut_resets_what_there_is_and_welcomes_what_comes(proxy: FaultProxy) -> None:
    with _line(proxy) as line:
        assert _ask(line) == PONG
        assert proxy.cut() == 1
        with pytest.raises(ConnectionError):
            _ask(line)
    assert _pongs(proxy)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_after_every_fault_it_is_whole_again(proxy: FaultProxy, fault: Fault) -> None:
    with _line(proxy, 1.0) as line, proxy.broken(fault), contextlib.suppress(OSError):
        _ask(line)
    assert _pongs(proxy)


def test_a_server_that_is_not_there_ends_the_connection(valkey: TemporaryValkey) -> None:
    with fault_proxy(str(valkey.store.socket.with_name("nobody"))) as proxy, _line(proxy) as line:
        assert line.recv(1) == b""


def test_closing_ends_the_thread_also_in_the_middle_of_a_fault(valkey: TemporaryValkey) -> None:
    with fault_proxy(str(valkey.store.socket)) as proxy, _line(proxy) as line:
        assert "fault-proxy" in _threads()
        proxy.set(BLACK_HOLE)
        line.sendall(PING)
    assert "fault-proxy" not in _threads()
