"""Ports of the local stack: chosen once among the free ones, and kept.

A kept port that someone else took meanwhile is chosen again. The public port is the operator's
(`PORT`) and never changes by itself. Chosen ones lie below the range that the system gives to outgoing
connections: a port that is free now would else be some connection's own when its server starts.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

HOST = "127.0.0.1"
_RANGE_OF_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ROOM = 12_000  # ports to choose from


def choose_ports(file: Path, names: Sequence[str], *, not_these: Collection[int] = ()) -> dict[str, int]:
    """A free port for every name, as last time where possible. Writes the file."""
    kept: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    chosen: dict[str, int] = {}
    with ExitStack() as held:  # all at once, so that no two names get the same
        for name in names:
            port = kept.get(name, 0)
            usable = port not in (*not_these, *chosen.values()) and _hold(port, held)
            chosen[name] = usable or _hold_any(held)
    file.write_text(json.dumps(chosen, indent=2) + "\n")
    return chosen


def free_port() -> int:
    """One that nobody has, and no outgoing connection will get."""
    with ExitStack() as held:
        return _hold_any(held)


def candidates() -> range:
    """Those that no outgoing connection gets; empty where connections get nearly every port."""
    first = int(_RANGE_OF_CONNECTIONS.read_text().split()[0]) if _RANGE_OF_CONNECTIONS.exists() else 32768
    return range(max(1024, first - _ROOM), max(1024, first))


def _hold_any(held: ExitStack) -> int:
    """Binds a free port until `held` closes. Raises OSError when there is none."""
    ports = candidates()
    for port in (*random.sample(ports, min(100, len(ports))), 0):  # else the system may as well choose
        if found := _hold(port, held):
            return found
    raise OSError("no free port")


def _hold(port: int, held: ExitStack) -> int:
    """Binds the port until `held` closes; 0 lets the system choose. Returns 0 when it is taken."""
    line = held.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((HOST, port))
    except OSError:
        return 0
    return int(line.getsockname()[1])


def is_free(port: int) -> bool:
    with ExitStack() as held:
        return _hold(port, held) == port


def holder_of(port: int) -> str | None:
    """Who listens on a port: `pid 4711 (nginx)`; None when that is not ours to see."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in sockets for handle in (process / "fd").iterdir()):
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue  # gone meanwhile, or someone else's
    return None


def _listening_inodes(port: int) -> set[str]:
    """Of sockets in state LISTEN (0A) at the port; columns as in proc(5)."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for columns in (line.split() for line in lines):
            if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(columns[9])
    return found
