"""Room on the disks that this process sees: in a container that is the node's own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable

from services.health.monitor import Finding
from services.settings import HealthSettings

EVERY_SECONDS = 30.0
_GIB = 1024**3


class Disk:
    """One file system. It is asked in a thread of its own, because a disk that hangs keeps whoever asks it;
    and by one at a time, so that a disk which hangs for hours keeps one thread and not thousands."""

    def __init__(self, path: str, statvfs: Callable[[str], os.statvfs_result] = os.statvfs) -> None:
        self.path, self._statvfs = path, statvfs
        self._asked: asyncio.Future[os.statvfs_result] | None = None

    async def room(self, seconds: float) -> os.statvfs_result:
        """Raises TimeoutError when it does not answer, OSError when it can't be asked."""
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            threading.Thread(target=self._ask, args=(self._asked,), daemon=True).start()
        asked = self._asked
        async with asyncio.timeout(seconds):
            try:
                return await asyncio.shield(asked)
            finally:
                if asked.done():
                    self._asked = None

    def _ask(self, asked: asyncio.Future[os.statvfs_result]) -> None:
        try:
            answer: os.statvfs_result | OSError = self._statvfs(self.path)
        except OSError as error:
            answer = error
        try:
            asked.get_loop().call_soon_threadsafe(_tell, asked, answer)
        except RuntimeError:  # the loop has ended; nobody waits any more
            return


def _tell(asked: asyncio.Future[os.statvfs_result], answer: os.statvfs_result | OSError) -> None:
    if isinstance(answer, OSError):
        asked.set_exception(answer)
        asked.exception()  # seen, even where nobody waits any more
    else:
        asked.set_result(answer)


def disks(settings: HealthSettings) -> Callable[[], Awaitable[Finding]]:
    """Degraded when one of DISK_PATHS has less room than DISK_FREE_PERCENT_MIN, of bytes or of files."""
    watched = [Disk(path.strip()) for path in settings.disk_paths.split(",") if path.strip()]

    async def look() -> Finding:
        found: dict[str, dict[str, float]] = {}
        reasons: list[str] = []
        for disk in watched:
            try:
                room = await disk.room(settings.health_timeout_seconds)
            except OSError as error:  # TimeoutError is one
                reasons.append(f"{disk.path} does not answer: {type(error).__name__}")
                continue
            found[disk.path] = figures = _figures(room)
            free = {what: figures[f"free_{what}_percent"] for what in ("bytes", "files")}
            too_little = {what: left for what, left in free.items() if left < settings.disk_free_percent_min}
            reasons += [f"{disk.path}: {left:g} % of its {what} free" for what, left in too_little.items()]
        return Finding("degraded" if reasons else "ok", {"disks": found, "reasons": reasons})

    return look


def _figures(room: os.statvfs_result) -> dict[str, float]:
    """As `df` tells them: of what others than root may use. Some file systems count no files."""
    usable = room.f_blocks - room.f_bfree + room.f_bavail
    return {
        "free_gib": round(room.f_bavail * room.f_frsize / _GIB, 2),
        "free_bytes_percent": _percent(room.f_bavail, usable),
        "free_files_percent": _percent(room.f_favail, room.f_files),
    }


def _percent(free: int, whole: int) -> float:
    return round(100 * free / whole, 1) if whole else 100.0
