"""A server that falls silent: its process and all that this one has begun, paused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.store import wait_until


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Between `with` and its end. The parent goes first: the children it then has are all there will be."""
    parent = psutil.Process(pid)
    paused = [parent]
    try:
        parent.suspend()
        wait_until(lambda: parent.status() == psutil.STATUS_STOPPED, "the parent has stopped")
        for child in parent.children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                child.suspend()
                paused.append(child)
        yield
    finally:
        for process in paused:
            with suppress(psutil.NoSuchProcess):
                process.resume()
