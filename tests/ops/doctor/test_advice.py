"""Every cause that a check can give has its advice."""

from __future__ import annotations

import re

import pytest

from ops.doctor.advice import TABLE, advice_for
from ops.doctor.place import Place

CHECKS = (
    "database",
    "redis",
    "queue.durable",
    "queue.fast",
    "catalog",
    "checkout",
    "jobs",
    "storefront",
    "payment_gateway",
    "mail",
    "migrations",
    "disk",
    "certificate",
)
UNKNOWN = "Nothing is known about this one"


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_advice_for_whatever_it_says_and_when_details_are_hidden(check: str) -> None:
    for said in ([], ["something nobody thought of"]):
        [advice] = advice_for(check, said)
        assert not advice.startswith(UNKNOWN)


def test_a_check_that_nobody_knows_leads_to_the_manual() -> None:
    assert advice_for("moon", ["full"])[0].startswith(UNKNOWN)


@pytest.mark.parametrize(
    ("check", "said", "words"),
    [
        ("database", "TimeoutError", "does not answer"),
        ("database", "it takes no writes: in recovery, or read-only", "primary"),
        ("database", "95 of 100 connections are in use", "DATABASE_POOL_MAX"),
        ("redis", "its memory is full and nothing in it may be evicted (noeviction)", "REDIS_MAXMEMORY"),
        ("redis", "4 writes refused because its memory is full", "REDIS_MAXMEMORY"),
        ("redis", "2 clients turned away because there are too many", "maxclients"),
        ("redis", "it is a replica: it takes no writes", "primary"),
        ("queue.durable", "recurring task x.y: overdue", "clock"),
        ("queue.durable", "1 of 2 workers", "{logs:worker-durable}"),
        ("queue.fast", "no workers", "{logs:worker-fast}"),
        ("queue.fast", "queue default: the oldest job has waited for 400 s", "REPLICAS=2"),
        ("catalog", "10.0.0.1:9000 is waiting for migrations 0004", "{make:migrate}"),
        ("catalog", "releases are mixed: 1 of a, 1 of b", "{make:rollback}"),
        ("storefront", "10.0.0.1:9000 does not answer: ConnectError", "{logs:storefront}"),
        ("jobs", "gaierror: [Errno -2] Name or service not known", "no replica runs"),
        ("migrations", "jobs lacks 0012", "{make:migrate}"),
        ("disk", "/: 3 % of its bytes free", "Make room"),
        ("disk", "/data does not answer: TimeoutError", "hangs"),
        ("certificate", "ends in 5 days", "port 80"),
        ("payment_gateway", "GatewayUnavailable", "PAYMENT_SECRET_KEY"),
        ("mail", "unknown: DatabaseUnavailable", "database"),
        ("mail", "MailUnavailable", "SES_HOST"),
    ],
)
def test_a_cause_has_the_advice_that_fits_it(check: str, said: str, words: str) -> None:
    assert words in advice_for(check, [said])[0]


def test_two_causes_of_one_kind_are_advised_once() -> None:
    said = ["10.0.0.1:9000 does not answer: ReadTimeout", "10.0.0.2:9000 does not answer: ReadTimeout"]
    assert len(advice_for("catalog", said)) == 1


def test_every_command_in_the_table_is_filled_in() -> None:
    place = Place("here", "http://shop", None, "make up")
    for advice in TABLE:
        text = place.filled_in(advice.text.replace("{logs:CHECK}", "{logs:catalog}"))
        assert not re.search(r"[{}]", text), text
