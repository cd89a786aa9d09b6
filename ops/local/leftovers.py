"""Nothing outlives the stack: whoever loses its parent becomes our child, and is ended with us."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

from ops.local.postgres import SOCKET_NAME, Cluster
from ops.local.server_process import wait_until

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes this process the parent of its orphaned grandchildren (prctl(2)), so that it can see and
    end them after a `kill -9` of supervisor. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def descendants() -> set[int]:
    """The pids of all our living descendants."""
    parents = dict(filter(None, map(_pid_and_parent, Path("/proc").glob("[0-9]*"))))
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _pid_and_parent(process: Path) -> tuple[int, int] | None:
    """Of a living process; None for the rest. Columns as in proc(5), after the name in brackets."""
    try:
        state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else (int(process.name), int(parent))


def end_descendants(wait_seconds: float) -> None:
    """Waits until all descendants have ended by themselves, then ends those that have not."""
    if wait_until(_all_gone, wait_seconds):
        return
    for pid in descendants():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait_until(_all_gone, wait_seconds)


def bury_orphans() -> None:
    """Takes note of the adopted children that have ended; until then they would stay as zombies."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def _all_gone() -> bool:
    bury_orphans()
    return not descendants()


def clear_postgres(cluster: Cluster) -> None:
    """Waits for a server that still shuts down on this data, and removes the pid files of one that is
    gone: after a power cut their number may be another process's, and PostgreSQL would not start."""
    pid_file = cluster.data / "postmaster.pid"
    if pid_file.exists():
        pid = int(pid_file.read_text().splitlines()[0])
        if not wait_until(lambda: not _serves(pid, cluster.data), 30):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not _serves(pid, cluster.data), 10)
    for stale in (pid_file, cluster.sockets / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in words
