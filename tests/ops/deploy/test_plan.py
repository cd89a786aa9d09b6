"""What `make plan` says of the difference between two manifests."""

from __future__ import annotations

import msgspec

from ops.deploy.plan import differences, pending_migrations
from tests.ops.deploy.destinations import CANARY, manifest

OTHER = "registry.example/kiosk@sha256:" + "1" * 64


def test_a_first_deploy_names_its_services() -> None:
    [services, migrations] = differences(None, manifest())
    assert services.startswith("first deploy of r1: ")
    assert "worker-durable" in services
    assert migrations.startswith("migrations: ")


def test_the_same_release_again_changes_nothing_but_says_so() -> None:
    assert differences(manifest(), manifest()) == ["release: r1 -> r1", "commits: the same one"]


def test_another_image_is_told_by_the_end_of_its_digest() -> None:
    told = differences(manifest(), msgspec.structs.replace(manifest(), image=OTHER))
    assert "image: ...00000000 -> ...11111111" in told


def test_variables_are_named_without_their_values() -> None:
    told = differences(manifest(STORE_NAME="One"), manifest(STORE_NAME="Two", SENTRY_DSN=""))
    [environment] = [line for line in told if "STORE_NAME changed" in line]
    assert "catalog" in environment
    assert "checkout" in environment  # one line for all services with the same change
    assert "One" not in str(told)
    assert "Two" not in str(told)


def test_secrets_are_told_by_their_hashes_alone() -> None:
    told = differences(manifest(), manifest(ADMIN_API_KEY=f"{CANARY}-new", SES_PASSWORD=""))
    assert [line for line in told if line.startswith("secret ADMIN_API_KEY: changed (...")]
    assert "secret SES_PASSWORD: removed" in told
    assert CANARY not in str(told)


def test_replicas_and_limits_are_told_with_both_values() -> None:
    told = differences(manifest(), manifest(CATALOG_REPLICAS="3", WEB_MEMORY_LIMIT="512M"))
    assert "catalog: deploy.replicas: 2 -> 3" in told
    [limit] = [line for line in told if "limits.memory: 384M -> 512M" in line]
    assert limit.startswith("storefront, catalog, checkout, jobs, health: ")


def test_of_a_list_only_what_differs_is_told() -> None:
    old, new = manifest(), manifest()
    for name in ("catalog", "checkout"):
        labels = new.stack["services"][name]["deploy"]["labels"]
        new.stack["services"][name]["deploy"]["labels"] = [*labels, f"traefik.x.{name}.y=1"]
    assert "catalog, checkout: deploy.labels: none -> traefik.x.SERVICE.y=1" in differences(old, new)


def test_migrations_that_the_old_release_did_not_ship_are_pending() -> None:
    old = manifest()
    new = msgspec.structs.replace(old, migrations={**old.migrations, "jobs": ["0001_jobs.sql", "0002_x.sql"]})
    assert pending_migrations(old, new) == ["jobs/0002_x.sql"]
    assert "migration: jobs/0002_x.sql" in differences(old, new)


def test_other_routes_are_told() -> None:
    told = differences(manifest(), msgspec.structs.replace(manifest(), routes="ffffffff"))
    assert [line for line in told if line.startswith("routes: ")]
