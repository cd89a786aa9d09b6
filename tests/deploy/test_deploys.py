"""Deploys, good and bad, under a load that is not ours: nothing fails, and the truth is told.

The tests of this file run in their order, on one store: each finds what the one before left.
DEPLOYS=20 makes the soak of it (make soak-deploy)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ops.console import say
from ops.deploy.manifest import STAGES, WEB
from tests.deploy.destination import start_sandbox
from tests.deploy.load import Outcome, running_load
from tests.deploy.operator import Done, Operator
from tests.deploy.whole_store import Ground, bare_ground
from tests.store import NO_TLS, wait_until

DEPLOYS = int(os.environ.get("DEPLOYS", "3"))
# As it comes, one replica after the other; CI's time is short.
TEMPO = {} if "DEPLOYS" in os.environ else {"UPDATE_PARALLELISM": "2"}
SERVICES = [service for stage in STAGES for service in stage]
# A path of each web service's, whatever it answers.
PATHS = {
    "storefront": "/cart",
    "catalog": "/api/catalog/categories",
    "checkout": "/api/checkout/carts/nobody",
    "jobs": "/jobs",
    "health": "/up",
}


@dataclass
class Store:
    operator: Operator
    url: str
    folder: Path
    first: Done

    def release(self) -> str:
        """The one that every web service runs. Fails when they differ."""
        with httpx.Client(base_url=self.url, verify=NO_TLS, timeout=10) as client:
            seen = {name: client.get(path).headers["X-Release"] for name, path in PATHS.items()}
        assert set(seen) == set(WEB)
        assert len(set(seen.values())) == 1, seen
        return next(iter(seen.values()))

    def images(self) -> dict[str, set[str]]:
        """What the running tasks of each service were made of."""
        found = {}
        for service in SERVICES:
            chosen = ("--filter", "desired-state=running", "--format", "{{.Image}} {{.CurrentState}}")
            lines = self.operator.engine.docker("service", "ps", "--no-trunc", *chosen, f"shop_{service}")
            assert all(" Running" in line for line in lines.splitlines()), f"{service}: {lines}"
            found[service] = {line.split()[0] for line in lines.splitlines()}
        return found

    @contextmanager
    def under_load(self) -> Iterator[list[Outcome]]:
        """A load around what is done inside; its outcome is in the list afterwards."""
        outcomes: list[Outcome] = []
        with running_load(self.url, self.folder) as load:
            yield outcomes
            outcomes.append(load.stop())
        say(outcomes[0].report)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose first deploy is done, with a small catalog. The gateway for development stands
    beside it."""
    folder = tmp_path_factory.mktemp("deploys")
    canaries = {"SES_USERNAME": "canary-user-4711", "SES_PASSWORD": "canary-password-4711"}
    with bare_ground(folder, STAGE_TIMEOUT_SECONDS="60", **TEMPO, **canaries) as ground:
        shutil.copy(folder / ".env.test", ground.clone)
        operator = Operator(ground.clone, ground.engine, ground.destination)
        first = operator.run("deploy")
        say(first.output)
        assert first.status == 0
        start_sandbox(ground.docker, ground.destination, ground.sandbox_image)
        _load_catalog(ground)
        yield Store(operator, ground.url, folder, first)


def _load_catalog(ground: Ground) -> None:
    owner = f"DATABASE_URL={ground.destination.value('DATABASE_URL')}"
    demo = ("run", "--rm", "--network", "shop_data", "--env", owner, ground.sandbox_image, "ops.demo")
    ground.docker.run(*demo, "--products", "40", timeout_seconds=300)


def assert_nothing_failed(outcomes: list[Outcome]) -> None:
    [outcome] = outcomes
    assert outcome.requests > 100
    assert outcome.failed == 0, outcome.report


def test_the_first_deploy_opens_the_store(store: Store) -> None:
    assert store.release() in store.first.output
    assert {len(images) for images in store.images().values()} == {1}
    assert len(set.union(*store.images().values())) == 1


def test_deploys_in_a_row_lose_nothing(store: Store) -> None:
    for number in range(DEPLOYS):
        before = store.release()
        store.operator.commit(f"Change number {number}", {"CHANGED": f"{number}\n"})
        with store.under_load() as outcomes:
            done = store.operator.run("deploy")
        say(done.output)
        assert done.status == 0
        assert_nothing_failed(outcomes)
        assert store.release() != before
        assert store.release() in done.output


def _crashing(operator: Operator) -> dict[str, str]:
    source = "services/catalog/endpoints.py"
    return {source: operator.read(source) + '\nraise RuntimeError("broken on purpose")\n'}


def _never_ready(operator: Operator) -> dict[str, str]:
    """Checkout waits for a migration that nobody will ever apply."""
    source = "services/schema.py"
    code = operator.read(source)
    shipped = "    return frozenset(file.name"
    assert shipped in code
    waits = '    if service == "checkout":\n        return frozenset({"9999"})\n'
    return {source: code.replace(shipped, waits + shipped)}


def _answering_500(operator: Operator) -> dict[str, str]:
    source = "services/storefront/pages.py"
    code = operator.read(source)
    start = "    shop = call.resources\n"
    assert start in code
    return {source: code.replace(start, start + '    raise RuntimeError("broken on purpose")\n')}


def _migration_failing(_operator: Operator) -> dict[str, str]:
    migration = "-- migrate:up\nSELECT 1 / 0;\n\n-- migrate:down\nSELECT 1;\n"
    return {"services/catalog/schema/0999_broken.sql": migration}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param(_crashing, ["catalog", "RuntimeError: broken on purpose"], id="crashes_at_start"),
        pytest.param(_never_ready, ["checkout", "waiting for"], id="never_turns_ready"),
        pytest.param(_answering_500, ["storefront", "smoke", "answered 500"], id="answers_500"),
        pytest.param(_migration_failing, ["0999_broken.sql", "division by zero"], id="migration_fails"),
    ],
)
def test_a_broken_release_changes_nothing_and_is_explained(
    store: Store, broken: Callable[[Operator], dict[str, str]], words: list[str]
) -> None:
    before, images = store.release(), store.images()
    store.operator.commit(f"Break it: {broken.__name__}", broken(store.operator))
    try:
        with store.under_load() as outcomes:
            done = store.operator.run("deploy")
    finally:
        store.operator.undo()
    say(done.output)
    assert done.status == 1
    assert [word for word in words if word not in done.output] == []
    assert_nothing_failed(outcomes)
    assert store.release() == before
    assert store.images() == images


def test_rollback_brings_back_the_release_before(store: Store) -> None:
    listed = store.operator.run("releases")
    assert listed.status == 0
    now = store.release()
    with store.under_load() as outcomes:
        done = store.operator.run("rollback")
    say(done.output)
    assert done.status == 0
    assert_nothing_failed(outcomes)
    assert store.release() != now
    assert store.release() in listed.output


def test_ctrl_c_in_the_middle_leaves_the_old_release(store: Store) -> None:
    before, images = store.release(), store.images()
    store.operator.commit("A release nobody will see", {"CHANGED": "interrupted\n"})
    with store.under_load() as outcomes:
        deploy = store.operator.start("deploy")
        wait_until(lambda: _moved(store, images), "a service has moved", 300)
        refused = store.operator.run("deploy")
        deploy.interrupt()
        done = deploy.wait()
    store.operator.undo()
    say(refused.output + done.output)
    assert refused.status == 1
    assert "lock" in refused.output
    assert done.status == 130
    assert_nothing_failed(outcomes)
    assert store.release() == before
    assert store.images() == images
    assert store.operator.run("plan").status == 0


def _moved(store: Store, images: dict[str, set[str]]) -> bool:
    chosen = ("--format", "{{.Image}}")
    found = store.operator.engine.docker("service", "ps", "--no-trunc", *chosen, "shop_worker-fast")
    return bool(set(found.splitlines()) - images["worker-fast"]) and "shop_jobs" in _updating(store)


def _updating(store: Store) -> str:
    names = [f"shop_{service}" for service in SERVICES]
    form = "{{.Spec.Name}} {{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
    lines = store.operator.engine.docker("service", "inspect", "--format", form, *names).splitlines()
    return " ".join(line.split()[0] for line in lines if line.endswith(" updating"))


def test_redis_restarts_under_load(store: Store) -> None:
    with store.under_load() as outcomes:
        done = store.operator.run("reboot", "--service", "redis")
    say(done.output)
    assert done.status == 0
    assert_nothing_failed(outcomes)


def test_nothing_ever_printed_a_secret(store: Store) -> None:
    """Last: it reads all that was said above, failure cards among it."""
    said = store.operator.said()
    names = ("ADMIN_API_KEY", "PAYMENT_SECRET_KEY", "PAYMENT_WEBHOOK_SECRETS", "SES_USERNAME", "SES_PASSWORD")
    values = [store.operator.destination.variables[name] for name in names]
    urls = ("DATABASE_URL", "REDIS_URL")
    values += [httpx.URL(store.operator.destination.variables[name]).password for name in urls]
    assert [value for value in values if value in said] == []
