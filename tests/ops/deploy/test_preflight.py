"""What preflight says without an engine: every problem at once, each with what to do, and no secret."""

from __future__ import annotations

import pytest

from ops.console import OperatorError
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.preflight import preflight
from ops.deploy.site import Site
from tests.ops.deploy.destinations import CANARY, destination

NOWHERE = Docker({"DOCKER_HOST": "unix:///nowhere"}, "/bin/false")


def _told(capsys: pytest.CaptureFixture[str], given: Destination, docker: Docker = NOWHERE) -> str:
    with pytest.raises(OperatorError, match="nothing was touched"):
        preflight(Site(docker, given))
    told = capsys.readouterr().out
    assert CANARY not in told
    return told


def test_an_engine_that_does_not_answer_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    told = _told(capsys, destination())
    assert "✗ engine: " in told
    assert "DOCKER_HOST" in told
    assert "✓ settings: .env.test" in told


def test_a_docker_that_is_not_installed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no-such-docker is not installed" in _told(capsys, destination(), Docker({}, "no-such-docker"))


def test_all_problems_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    given = destination(
        ADMIN_API_KEY="", SES_PORT="many", LAME_DUCK_SECONDS="1", POSTGRES_MAX_CONNECTIONS="20"
    )
    told = _told(capsys, given)
    for words in ("ADMIN_API_KEY", "SES_PORT", "LAME_DUCK_SECONDS is 1", "POSTGRES_MAX_CONNECTIONS="):
        assert words in told


@pytest.mark.parametrize(
    ("variable", "value", "left"),
    [
        ("DATABASE_URL", "postgresql://kiosk:CHANGE-ME@postgres:5432/kiosk", "CHANGE-ME"),
        ("PUBLIC_URL", "https://shop.example.com", "example.com"),
    ],
)
def test_what_still_is_as_in_the_example_is_a_problem(
    capsys: pytest.CaptureFixture[str], variable: str, value: str, left: str
) -> None:
    assert f"{variable} still says {left}" in _told(capsys, destination(**{variable: value}))


def test_a_single_replica_is_only_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert "! replicas: one only of catalog" in _told(capsys, destination(CATALOG_REPLICAS="1"))


def test_migrations_are_read_by_the_linter(capsys: pytest.CaptureFixture[str]) -> None:
    assert "✓ migrations: they only add" in _told(capsys, destination())
