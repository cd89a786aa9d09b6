"""A full disk is told before it is full; one that hangs holds nobody up."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from services.health.disks import Disk, disks
from tests.health.doors import health_settings

pytestmark = pytest.mark.anyio


async def test_a_disk_with_room_is_ok_and_its_room_is_told(tmp_path: Path) -> None:
    finding = await disks(health_settings(disk_paths=str(tmp_path), disk_free_percent_min=0.0))()
    room = os.statvfs(tmp_path)
    assert finding.status == "ok"
    told = finding.detail["disks"][str(tmp_path)]
    assert told["free_gib"] == pytest.approx(room.f_bavail * room.f_frsize / 1024**3, rel=0.05, abs=0.05)
    assert 0 < told["free_bytes_percent"] <= 100


async def test_less_room_than_asked_for_is_degraded_and_the_path_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(bytes(1024**2))  # so that no disk is wholly free
    finding = await disks(health_settings(disk_paths=f"{tmp_path},/nowhere", disk_free_percent_min=100.0))()
    assert finding.status == "degraded"
    assert finding.detail["reasons"][0].startswith(f"{tmp_path}: ")
    assert finding.detail["reasons"][-1] == "/nowhere does not answer: FileNotFoundError"


async def test_a_hanging_disk_keeps_one_thread_and_not_the_loop() -> None:
    answers, asked = threading.Event(), []

    def hang(path: str) -> os.statvfs_result:
        asked.append(path)
        answers.wait()
        return os.statvfs(path)

    disk = Disk("/", hang)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await disk.room(0.01)
    answers.set()
    assert (await disk.room(20)).f_blocks == os.statvfs("/").f_blocks
    assert asked == ["/"]
    assert await asyncio.wait_for(disk.room(20), 20)
    assert asked == ["/", "/"]
