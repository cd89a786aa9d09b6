"""PostgreSQL and Redis in the swarm."""

from __future__ import annotations

import pytest

from ops.console import OperatorError
from ops.deploy.accessories import accessories_stack, megabytes
from ops.deploy.stacks import SideStack
from tests.ops.deploy.destinations import CANARY, destination


def _stack(**variables: str) -> SideStack:
    stack = accessories_stack(destination(**variables))
    assert stack is not None
    return stack


def _content(stack: SideStack, name: str) -> str:
    return stack.secrets[stack.compose["secrets"][name]["name"]].decode()


def test_only_what_is_listed_is_started() -> None:
    assert set(_stack().compose["services"]) == {"postgres", "redis"}
    assert set(_stack(ACCESSORIES="redis").compose["services"]) == {"redis"}
    assert accessories_stack(destination(ACCESSORIES="none")) is None


def test_a_name_that_is_not_known_is_refused() -> None:
    with pytest.raises(OperatorError, match="ACCESSORIES: mysql"):
        _stack(ACCESSORIES="mysql,redis")


def test_passwords_are_secrets_and_stand_nowhere_else() -> None:
    stack = _stack()
    assert _content(stack, "postgres_password") == f"{CANARY}-owner"
    assert f'requirepass "{CANARY}-redis"' in _content(stack, "redis_conf")
    assert CANARY not in str(stack.compose)


def test_redis_forgets_the_cache_before_the_queue() -> None:
    assert "maxmemory-policy volatile-lru\n" in _content(_stack(), "redis_conf")


def test_postgres_is_made_for_the_account_of_database_url() -> None:
    environment = _stack(DATABASE_URL="postgresql://me:p%40ss@postgres/shop").compose["services"]["postgres"]
    assert environment["environment"]["POSTGRES_USER"] == "me"
    assert environment["environment"]["POSTGRES_DB"] == "shop"


def test_an_address_elsewhere_and_the_accessory_exclude_each_other() -> None:
    with pytest.raises(OperatorError, match="take it out of ACCESSORIES"):
        _stack(DATABASE_URL="postgresql://me:secret@db.example/shop")
    elsewhere = _stack(DATABASE_URL="postgresql://me:secret@db.example/shop", ACCESSORIES="redis")
    assert set(elsewhere.compose["services"]) == {"redis"}


def test_two_never_share_a_volume() -> None:
    for service in _stack().compose["services"].values():
        assert service["deploy"]["update_config"]["order"] == "stop-first"
        assert service["deploy"]["placement"]["constraints"] == ["node.labels.kiosk.data == true"]


@pytest.mark.parametrize(("size", "expected"), [("2G", 2048), ("512M", 512), ("1.5g", 1536), ("2048KB", 2)])
def test_sizes_are_read(size: str, expected: int) -> None:
    assert megabytes(size) == expected


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(OperatorError, match="'much' is no size"):
        megabytes("much")
