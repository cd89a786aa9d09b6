"""The likely cause that a failure card names."""

from __future__ import annotations

import pytest

from ops.deploy.causes import cause_of
from ops.deploy.evidence import Evidence
from ops.deploy.failure_card import Failure, card
from ops.deploy.redaction import redact


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kiosk: PAYMENT_SECRET_KEY: is not set (see env.example)", "setting PAYMENT_SECRET_KEY"),
        ("ModuleNotFoundError: No module named 'nowhere'", "does not start: ModuleNotFoundError"),
        ('File "x.py", line 3\nSyntaxError: invalid syntax', "does not start: SyntaxError"),
        ('{"message":"smoke: GET / answered 500"}', "smoke test with an error: GET / answered 500"),
        ('{"message":"waiting","waiting_for":"migration 0007 of catalog"}', "migration 0007 of catalog"),
        ("No such image: registry.example/kiosk@sha256:0", "could not pull the image"),
        ("no suitable node (insufficient resources on 1 node)", "no node has room"),
        ("no suitable node (scheduling constraints not satisfied)", "no node may run it"),
        ("the probe saw 3 of 900 requests fail: GET / on a new connection", "shoppers would have seen"),
        ('ERROR: relation "a" already exists', "a migration failed"),
        ("kiosk: cannot reach PostgreSQL at db:5432/kiosk: no answer", "database can't be reached"),
        ("Traceback...\nRuntimeError: broken on purpose", "ended with RuntimeError: broken on purpose"),
        ("task: unhealthy container", "never was ready"),
        ("not in time (STAGE_TIMEOUT_SECONDS): one is pending", "did not bring the tasks up in time"),
        ("stopped by the operator (SIGINT)", "somebody pressed Ctrl-C"),
        ("nothing helpful", "nothing that is known"),
    ],
)
def test_the_cause_is_found_in_what_was_left_behind(text: str, words: str) -> None:
    assert words in cause_of(text).likely


def test_a_killed_process_ran_out_of_memory() -> None:
    assert "memory" in cause_of("", exit_code=137).likely
    assert "memory" in cause_of("RuntimeError: x", out_of_memory=True).likely


def test_an_unhealthy_process_that_was_killed_did_not_run_out_of_memory() -> None:
    assert "never was ready" in cause_of("unhealthy", exit_code=137).likely


def test_any_other_exit_code_is_told() -> None:
    assert "exit code 3" in cause_of("", exit_code=3).likely


def test_a_card_says_what_why_and_what_to_do_and_holds_no_secret() -> None:
    evidence = Evidence(
        service="catalog",
        tasks=["task abc: failed, exit code 1"],
        log=["connecting to postgresql://kiosk:canary-owner@db/kiosk", "RuntimeError: canary-key"],
        health=["exit 1: starting"],
        exit_code=1,
        out_of_memory=False,
    )
    failure = Failure(
        "catalog", "the swarm gave the update up", "r1, on all services", "make deploy", (evidence,)
    )
    text = card(failure, lambda said: redact(said, ["canary-key"]))
    for words in ("catalog", "gave the update up", "r1, on all services", "make deploy", "RuntimeError: ***"):
        assert words in text
    assert "exit 1: starting" in text
    assert "canary" not in text
