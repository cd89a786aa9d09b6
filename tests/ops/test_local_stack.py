"""`make up` from start to end: data stays, nothing outlives it, and what is wrong is said in one line."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from ops.local.ports import free_port
from tests.ops.conftest import run_local, start
from tests.store import LocalStore, copied_tree, get, wait_until

pytestmark = pytest.mark.slow


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[LocalStore]:
    store = start(folder, **variables)
    try:
        yield store
    finally:
        store.stop()


@pytest.fixture(scope="module")
def store() -> Iterator[LocalStore]:
    """One running store for the tests that leave it running."""
    with copied_tree() as folder, running(folder) as started:
        yield started


def _supervisor(store: LocalStore) -> psutil.Process:
    [found] = [process for process in store.everyone() if "supervisor.supervisord" in _command(process)]
    return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # gone meanwhile
        return []


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _products(store: LocalStore) -> list[str]:
    cards = get(f"{store.url}/api/catalog/products?limit=100&sort=name").json()["items"]
    return [card["slug"] for card in cards]


def test_postgres_killed_comes_back_and_the_others_go_on(store: LocalStore) -> None:
    before = store.pids()
    os.kill(before["postgres"], signal.SIGKILL)
    wait_until(lambda: store.pids().get("postgres", before["postgres"]) != before["postgres"], "it is back")
    wait_until(lambda: get(f"{store.url}/api/catalog/products?limit=3").status_code == 200, "it answers")
    after = store.pids()
    assert {name: pid for name, pid in after.items() if name != "postgres"} == {
        name: pid for name, pid in before.items() if name != "postgres"
    }
    wait_until(lambda: "postgres       | died (terminated by SIGKILL)" in store.output(), "it is told")


def test_all_comes_back_when_supervisor_itself_is_killed(store: LocalStore) -> None:
    before = store.everyone()[1:]
    _supervisor(store).kill()
    wait_until(lambda: store.output().count("Kiosk is up") == 2, "the store is up again", 180)
    assert all(map(_is_gone, before))
    assert get(store.url).status_code == 200


def test_a_second_up_in_the_same_clone_says_where_the_first_is(store: LocalStore) -> None:
    again = run_local(store.folder, "up")
    expected = f"Kiosk already runs in this clone: {store.url} (`make down` stops it)\n"
    assert (again.returncode, again.stdout, again.stderr) == (0, expected, "")


def test_reset_refuses_while_the_store_runs(store: LocalStore) -> None:
    refused = run_local(store.folder, "reset")
    assert (refused.returncode, refused.stderr) == (1, "kiosk: the stack runs; `make down` first\n")
    assert get(store.url).status_code == 200


def test_the_table_names_every_address_and_what_opens_it(store: LocalStore) -> None:
    secrets = [
        (store.folder / ".local" / name).read_text() for name in ("admin_api_key", "staff_admin_password")
    ]
    for expected in (
        store.url,
        "/api/docs",
        "/health",
        "/sandbox",
        "/mailbox",
        "/jobs",
        "psql",
        "valkey.sock",
        *secrets,
    ):
        assert expected in store.output()


def test_the_password_of_the_table_opens_the_dashboard(store: LocalStore) -> None:
    password = (store.folder / ".local" / "staff_admin_password").read_text()
    form = {"name": "admin", "password": password, "next": "/jobs/account"}
    with httpx.Client(base_url=store.url, headers={"Origin": store.url}) as browser:
        wait_until(lambda: browser.get("/jobs/login").status_code == 200, "the first account is made")
        answer = browser.post("/jobs/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/account")
        assert "your role is admin" in browser.get("/jobs/account").text


@pytest.mark.parametrize("name", ["admin_api_key", "staff_admin_password", "running.json"])
def test_secrets_are_readable_by_their_owner_only(store: LocalStore, name: str) -> None:
    assert stat.S_IMODE((store.folder / ".local" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_every_process_and_leaves_nothing_to_recover(
    clone: Path, number: signal.Signals
) -> None:
    with running(clone) as store:
        up, *family = store.everyone()
        assert len(family) > 10
        up.send_signal(number)
        assert store.stop() == 0
        assert all(map(_is_gone, family))
        log = (clone / ".local" / "logs" / "postgres.log").read_text()
        assert "received fast shutdown request" in log
        assert "database system is shut down" in log


def test_nothing_outlives_a_store_whose_own_process_is_killed(clone: Path) -> None:
    with running(clone) as store:
        up, *family = store.everyone()
        up.kill()
        wait_until(lambda: all(map(_is_gone, family)), "all are gone", 60)


def test_a_second_up_keeps_data_ports_and_key(clone: Path) -> None:
    kept = ("ports.json", "admin_api_key", "payment_secret_key", "payment_webhook_secret")
    with running(clone) as store:
        products, files = _products(store), [(clone / ".local" / name).read_text() for name in kept]
    with running(clone) as store:
        assert products
        assert _products(store) == products
        assert [(clone / ".local" / name).read_text() for name in kept] == files
    assert "not properly shut down" not in (clone / ".local" / "logs" / "postgres.log").read_text()


def test_down_stops_the_store_and_reset_empties_it(clone: Path) -> None:
    with running(clone) as store:
        family = store.everyone()[1:]
        assert run_local(clone, "down").returncode == 0
        assert all(map(_is_gone, family))
        assert run_local(clone, "reset").returncode == 0
        assert not (clone / ".local" / "postgres").exists()
        assert not (clone / ".local" / "valkey").exists()
        assert not (clone / ".local" / "sandbox").exists()


def test_two_clones_run_side_by_side(clone: Path, store: LocalStore) -> None:
    with running(clone) as other:
        assert get(other.url).status_code == get(store.url).status_code == 200
        ports = [json.loads((each.folder / ".local" / "ports.json").read_text()) for each in (store, other)]
        assert set(ports[0].values()).isdisjoint(ports[1].values())


def test_a_process_that_keeps_dying_is_named_with_its_last_words(clone: Path) -> None:
    with running(clone) as store:
        _break_checkout(clone)
        os.kill(store.pids()["checkout"], signal.SIGKILL)
        named = "died 5 times in 60 s (exit status 1): the till is jammed (log: "
        wait_until(lambda: named in store.output(), "it is named", 60)


def _break_checkout(clone: Path) -> None:
    (clone / "services" / "checkout" / "app.py").write_text("raise SystemExit('the till is jammed')\n")


def _last_words(clone: Path, **variables: str) -> str:
    """What a store that cannot start says in the end: one line."""
    ended = run_local(clone, "up", **{"PORT": str(free_port()), **variables})
    assert ended.returncode == 1, ended.stdout
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr.strip()


def test_a_process_that_cannot_start_is_named_with_its_last_words(clone: Path) -> None:
    _break_checkout(clone)
    expected = "kiosk: checkout does not start (exit status 1): the till is jammed (log: "
    assert _last_words(clone).startswith(expected)


def test_a_taken_port_is_named_with_who_holds_it(clone: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = _last_words(clone, PORT=str(port))
    assert said.startswith(f"kiosk: port {port} is taken by pid {os.getpid()} (")


def test_a_wrong_setting_is_named(clone: Path) -> None:
    assert _last_words(clone, PRODUCTS="many").startswith("kiosk: PRODUCTS: ")


def test_a_database_out_of_reach_is_named_without_its_password(clone: Path) -> None:
    said = _last_words(clone, DATABASE_URL="postgresql://shop:secret@127.0.0.1:1/kiosk")
    assert said.startswith("kiosk: cannot reach PostgreSQL at 127.0.0.1:1/kiosk: ")
    assert "secret" not in said


def test_a_broken_data_folder_is_named_with_its_log(clone: Path) -> None:
    with running(clone):
        pass
    (clone / ".local" / "postgres" / "data" / "global" / "pg_control").unlink()
    said = _last_words(clone)
    assert said.startswith("kiosk: postgres does not start (exit status ")
    assert said.endswith(f"(log: {clone}/.local/logs/postgres.log)")


def test_a_data_folder_of_another_postgres_is_named(clone: Path) -> None:
    data = clone / ".local" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    assert _last_words(clone).startswith(f"kiosk: {data} was made by PostgreSQL 9, this is 18; ")


def test_pid_files_of_a_power_cut_do_not_keep_postgres_down(clone: Path) -> None:
    with running(clone):
        pass
    someone = os.getpid()  # alive, and no PostgreSQL
    data, sockets = clone / ".local" / "postgres" / "data", clone / ".local" / "sockets" / "postgres"
    (data / "postmaster.pid").write_text(f"{someone}\n{data}\n1\n5432\n\n\n\nready\n")
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{someone}\n")
    with running(clone) as store:
        assert get(store.url).status_code == 200


def test_nothing_outside_the_clone_changes(clone: Path) -> None:
    before = {path: path.stat().st_mode for path in clone.parents}
    accounts = Path("/etc/passwd").read_bytes()
    with running(clone):
        assert {path: path.stat().st_mode for path in before} == before
        assert Path("/etc/passwd").read_bytes() == accounts
