"""How much memory this process holds, and when it is too much."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

_STATM = Path("/proc/self/statm")
_CONTAINER_MAX = Path("/sys/fs/cgroup/memory.max")
_CONTAINER_SHARE = 0.9  # of the container's own limit, at which the kernel kills; its page cache can give way
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float:
    """The resident set in MiB; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return 0.0
    return pages * _PAGE_BYTES / 2**20


def limit_mb(max_mb: int, container_max: Path = _CONTAINER_MAX) -> float:
    """The limit that counts: `max_mb`, or a little less than the container's own if that is less. 0: none."""
    try:
        container_mb = int(container_max.read_text()) / 2**20 * _CONTAINER_SHARE
    except (OSError, ValueError):  # no such file; or it says `max`
        return float(max_mb)
    return min(float(max_mb), container_mb)


async def outgrown(max_mb: float, every_seconds: float) -> float:
    """Returns once this process holds more than `max_mb` MiB, and how many those are; 0 is no limit."""
    while True:
        await asyncio.sleep(every_seconds)
        held_mb = resident_mb()
        if 0 < max_mb < held_mb:
            return held_mb
