"""What the verbs say: tables, log lines, refusals. What they do is tested on a real swarm."""

from __future__ import annotations

from argparse import ArgumentParser

import msgspec
import pytest

from ops.console import OperatorError
from ops.deploy import backup, logs, maintenance, reboot, releases, restore, scale, shell, status
from ops.deploy.addressee import Addressee, addressee, addressees
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.ledger import Entry
from ops.deploy.logs import Line, parsed
from ops.deploy.maintenance import Closed
from ops.deploy.observation import Observed, health_of, problems_of, short_image
from ops.deploy.releases import rows_of
from ops.deploy.scale import check_connections, lasting, with_replicas
from ops.deploy.shell import exec_command
from ops.deploy.status import Health, Status, lines_of, since_of
from ops.deploy.table import aligned
from ops.deploy.tasks import Task
from ops.deploy.verb import Verb
from tests.ops.deploy.destinations import CANARY, IMAGE, destination, ledger_entry, manifest

VERBS = (status, releases, logs, shell, scale, reboot, maintenance, backup, restore)
NO_ENGINE = Docker({"DOCKER_HOST": "unix:///nowhere"}, "/bin/false")
OTHER_IMAGE = IMAGE.replace("0" * 64, "1" * 64)


def _task(image: str = IMAGE, state: str = "running", desired: str = "running") -> Task:
    return Task("t1", "catalog", "n1", state, desired, "", None, image, "c1", "2026-01-02T03:04:05Z")


def _run(verb: Verb, *words: str, to: Destination | None = None) -> None:
    parser = ArgumentParser()
    verb.add_arguments(parser)
    verb.run(parser.parse_args(words), to or destination(), NO_ENGINE)


def test_every_verb_has_a_name_and_a_line_of_help() -> None:
    assert [module.VERB.name for module in VERBS] == [module.__name__.rpartition(".")[2] for module in VERBS]
    assert all(module.VERB.help for module in VERBS)


def test_columns_of_a_table_are_aligned() -> None:
    assert aligned([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


def test_a_service_is_found_in_its_stack() -> None:
    assert addressee(destination(), "catalog").swarm_name == "kiosk_catalog"
    assert addressee(destination(), "traefik").swarm_name == "kiosk-edge_traefik"
    assert addressee(destination(STACK="shop"), "redis").swarm_name == "shop-accessories_redis"


def test_a_wrong_service_is_told_with_the_right_ones() -> None:
    with pytest.raises(OperatorError, match=r"no service 'catalogue': SERVICE is one of .*catalog"):
        addressee(destination(), "catalogue")
    with pytest.raises(OperatorError, match="redis is no accessory of test"):
        addressee(destination(ACCESSORIES="postgres"), "redis")
    assert "redis" not in [one.service for one in addressees(destination(ACCESSORIES="postgres"))]


def test_releases_mark_the_current_one_and_tell_what_came_of_each() -> None:
    failed = ledger_entry(
        9,
        result="failed",
        reason="catalog: it\nnever was healthy",
        p99_ms=None,
        probed=0,
        migrations_applied=[],
    )
    rows = rows_of([failed, ledger_entry(8, kind="scale", probed=0, migrations_applied=[]), ledger_entry(7)])
    assert [row[0] for row in rows] == ["", "*", ""]
    assert rows[0][-1] == "catalog: it never was healthy"
    assert rows[0][7:10] == ("-", "-", "-")
    assert rows[2][1:10] == (
        *("7", "2026-01-02 03:06:00", "deploy", "20260102-030405-abcdef0", "ok", "ada@desk"),
        *("2400", "0", "37 ms"),
    )


def test_a_release_runs_since_its_deploy_and_not_since_it_was_scaled() -> None:
    scaled = ledger_entry(9, kind="scale", finished_at="2026-01-09T00:00:00Z")
    failed = ledger_entry(8, result="failed", release="another")
    older = ledger_entry(6, release="older")
    assert since_of([scaled, failed, ledger_entry(7), older], scaled) == "2026-01-02T03:06:00Z"


def test_log_lines_name_the_replica() -> None:
    raw = [
        '2026-01-02T03:04:05.1Z kiosk_catalog.2@node-a    | {"event": "ready | steady"}\n',
        "2026-01-02T03:04:05.2Z kiosk_catalog.1@node-b    | \n",
        "warning: incomplete log stream. some logs could not be retrieved\n",
    ]
    lines = list(parsed(Addressee("kiosk", "catalog"), raw))
    assert lines[0] == Line("2026-01-02T03:04:05.1Z", "catalog.2", '{"event": "ready | steady"}')
    assert [line.who for line in lines] == ["catalog.2", "catalog.1", "catalog"]
    assert str(lines[0]).startswith("catalog.2          {")


def test_log_lines_of_what_runs_on_every_node_name_the_node() -> None:
    raw = ["2026-01-02T03:04:05.1Z kiosk-edge_traefik.k3j2h1@node-a | started\n"]
    assert [line.who for line in parsed(Addressee("kiosk-edge", "traefik"), raw)] == ["traefik@node-a"]


def test_a_log_that_is_not_to_be_had_says_why() -> None:
    raw = ["Error response from daemon: service kiosk_catalog not found\n"]
    with pytest.raises(OperatorError, match=r"logs of catalog: .*not found \(make status\)"):
        list(parsed(Addressee("kiosk", "catalog"), raw))


@pytest.mark.parametrize(
    ("current", "running", "problems"),
    [
        (ledger_entry(), [_task(), _task()], []),
        (ledger_entry(), [_task()], ["1 of 2 run"]),
        (None, [_task(), _task()], []),
        (
            ledger_entry(),
            [_task(), _task(OTHER_IMAGE)],
            ["it runs kiosk@11111111" + "1, not 20260102-030405-abcdef0"],
        ),
    ],
)
def test_what_is_not_as_the_ledger_says_is_a_problem(
    current: Entry | None, running: list[Task], problems: list[str]
) -> None:
    assert problems_of(Addressee("kiosk", "catalog"), 2, running, current) == problems


def test_another_number_of_replicas_than_the_ledgers_is_a_problem() -> None:
    tasks = [_task()] * 3
    assert problems_of(Addressee("kiosk", "catalog"), 3, tasks, ledger_entry()) == [
        "the swarm wants 3 replicas, the ledger says 2"
    ]


def test_health_is_that_of_the_replica_that_lacks() -> None:
    starting = _task(state="starting")
    assert health_of(2, [_task(), _task()], [_task(), _task()]) == "healthy"
    assert health_of(2, [_task(), starting], [_task()]) == "starting"
    assert health_of(1, [], []) == "down"


def test_an_image_is_called_by_its_name_and_tag() -> None:
    assert short_image("registry.example:5000/team/traefik:v3.7@sha256:" + "a" * 64) == "traefik:v3.7"
    assert short_image("postgres:18") == "postgres:18"
    assert short_image(IMAGE) == "kiosk@000000000"


def _status(**changed: object) -> Status:
    catalog = Observed("catalog", "r1", 2, 2, "healthy", "completed", [], [])
    found = Status("production", "r1", "2026-01-02T03:06:00Z", None, None, Health("ok"), [catalog], [])
    return msgspec.structs.replace(found, **changed)


def test_status_of_a_well_store_says_so() -> None:
    lines = lines_of(_status())
    assert lines[0] == "  production: release r1 since 2026-01-02T03:06:00Z"
    assert "  catalog  r1    2/2       healthy  completed  -" in lines
    assert lines[-1] == "  all of it as the ledger says"


def test_status_tells_lock_maintenance_and_problems() -> None:
    closed = Closed("2026-01-02T03:00:00Z", "ada@desk", "Back at noon")
    lines = lines_of(
        _status(
            locked_by="ada@desk holds the lock",
            maintenance=closed,
            health=Health("degraded", ["redis"]),
            problems=["catalog: 1 of 2 run"],
        )
    )
    text = "\n".join(lines)
    assert "lock: ada@desk holds the lock" in text
    assert "maintenance: the store is closed since 2026-01-02T03:00:00Z by ada@desk: Back at noon" in text
    assert "health: degraded (redis)" in text
    assert "✗ catalog: 1 of 2 run" in text
    assert lines[-1].startswith("  Look at it: make logs")


def test_a_scaled_manifest_differs_in_one_number() -> None:
    before = manifest()
    after = with_replicas(before, "catalog", 5)
    assert after.stack["services"]["catalog"]["deploy"]["replicas"] == 5
    assert before.stack["services"]["catalog"]["deploy"]["replicas"] == 2
    assert with_replicas(after, "catalog", 2) == before


def test_with_other_numbers_of_workers_health_expects_as_many() -> None:
    before = manifest()
    health = before.stack["services"]["health"]
    assert health["environment"]["WORKERS_EXPECTED"] == "durable=1,fast=1"
    after = with_replicas(with_replicas(before, "worker-durable", 3), "worker-fast", 2)
    assert after.stack["services"]["health"]["environment"]["WORKERS_EXPECTED"] == "durable=3,fast=2"
    assert with_replicas(before, "catalog", 5).stack["services"]["health"] == health


def test_scaling_says_whether_the_next_deploy_keeps_it() -> None:
    assert lasting(destination(), "worker-fast", 1) == ".env.test says the same"
    said = lasting(destination(CATALOG_REPLICAS="3"), "catalog", 5)
    assert "goes back to CATALOG_REPLICAS=3 of .env.test" in said


def test_more_replicas_than_postgres_has_connections_for_are_refused() -> None:
    check_connections(destination(), manifest())
    with pytest.raises(OperatorError, match=r"set POSTGRES_MAX_CONNECTIONS=\d+, then make reboot"):
        check_connections(destination(), with_replicas(manifest(), "catalog", 30))
    check_connections(destination(ACCESSORIES="redis"), with_replicas(manifest(), "catalog", 30))


@pytest.mark.parametrize(
    ("verb", "words", "refusal"),
    [
        (scale.VERB, ["--service", "redis", "--replicas", "2"], "redis is not scaled"),
        (scale.VERB, ["--service", "traefik", "--replicas", "2"], "traefik is not scaled"),
        (scale.VERB, ["--service", "catalog", "--replicas", "0"], "make maintenance on"),
        (reboot.VERB, ["--service", "postgres"], "make reboot SERVICE=postgres TO=test CONFIRM=yes"),
        (reboot.VERB, ["--service", "traefik", "--confirm", "no"], "nothing was restarted"),
        (reboot.VERB, ["--service", "socket-proxy"], "restarts with Traefik"),
        (maintenance.VERB, ["on", "--message", "x" * 501], "the page takes 500"),
        (maintenance.VERB, ["on", "--retry-after-seconds", "0"], "1 or more"),
    ],
)
def test_what_is_refused_says_what_to_do_instead(verb: Verb, words: list[str], refusal: str) -> None:
    with pytest.raises(OperatorError, match=refusal):
        _run(verb, *words)


@pytest.mark.parametrize(
    ("service", "words"),
    [("redis", "never goes down"), ("postgres", "503 with Retry-After"), ("traefik", "refuses connections")],
)
def test_a_reboot_says_what_to_expect(service: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((OperatorError, DockerError)):  # refused, or there is no engine
        _run(reboot.VERB, "--service", service)
    assert words in capsys.readouterr().out


def test_a_shell_is_sh_and_that_of_postgres_is_psql_without_a_password() -> None:
    there = exec_command(destination(), "catalog", "c1", terminal=True)
    assert there == ["exec", "--interactive", "--tty", "c1", "sh"]
    psql = exec_command(destination(), "postgres", "c1", terminal=False)
    assert (psql[0], psql[-2:]) == ("exec", ["c1", "psql"])
    assert "--tty" not in psql
    assert CANARY not in " ".join(psql)


def test_the_closed_shops_page_gets_its_words_by_its_address() -> None:
    routes = Closed("2026-01-02T03:00:00Z", "ada@desk", "Back at 12 & {soon}", 300).routes()
    assert routes.retry_after_seconds == 300
    assert routes.page == "/internal/health/maintenance?url={url}&message=Back+at+12+%26+%7Bsoon%7D"
    assert Closed("", "").routes().page == "/internal/health/maintenance?url={url}"
