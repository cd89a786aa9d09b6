"""Ports: chosen once, kept, chosen again when taken."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from ops.local.ports import HOST, choose_ports, free_port, holder_of, is_free

NAMES = [f"service-{number}" for number in range(20)]


def test_every_name_gets_a_port_of_its_own(tmp_path: Path) -> None:
    chosen = choose_ports(tmp_path / "ports.json", NAMES)
    assert sorted(chosen) == sorted(NAMES)
    assert len(set(chosen.values())) == len(NAMES)
    assert json.loads((tmp_path / "ports.json").read_text()) == chosen


def test_ports_are_kept(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", NAMES)
    assert choose_ports(tmp_path / "ports.json", [*NAMES, "new"]).items() >= first.items()


def test_only_a_port_taken_meanwhile_is_chosen_again(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", NAMES)
    with closing(socket.create_server((HOST, first["service-3"]))):
        second = choose_ports(tmp_path / "ports.json", NAMES)
    assert {name for name in NAMES if first[name] != second[name]} == {"service-3"}


def test_the_public_port_is_nobody_elses(tmp_path: Path) -> None:
    first = choose_ports(tmp_path / "ports.json", ["catalog"])
    second = choose_ports(tmp_path / "ports.json", ["catalog"], not_these={first["catalog"]})
    assert second["catalog"] != first["catalog"]


@pytest.mark.parametrize("host", [HOST, "0.0.0.0"])
def test_the_holder_of_a_port_is_named(host: str) -> None:
    with closing(socket.create_server((host, free_port()))) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert (holder_of(port) or "").startswith(f"pid {os.getpid()} (")
    assert is_free(port)
    assert holder_of(port) is None
