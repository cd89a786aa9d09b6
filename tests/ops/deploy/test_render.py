"""What a destination and deploy.yml make of each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.console import OperatorError
from ops.deploy.destination import ROOT
from ops.deploy.manifest import STAGES, WEB, WORKERS, Manifest, subset
from ops.deploy.render import fixed_variables, render, secret_contents
from ops.deploy.values import lame_duck_seconds
from services.database import role_url
from services.settings import DatabaseSettings, SettingError
from tests.ops.deploy.destinations import CANARY, IMAGE, SECRETS, destination, manifest

_TELLING = re.compile(r"PASSWORD|SECRET|_KEY|DSN|DATABASE_URL|REDIS_(QUEUE_)?URL|USERNAME")


def _services(of: Manifest) -> dict[str, Any]:
    services: dict[str, Any] = of.stack["services"]
    return services


def _secrets(of: Manifest, service: str) -> set[str]:
    return {one["source"] for one in _services(of)[service]["secrets"]}


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_stack_holds_the_services_of_all_stages() -> None:
    staged = {name for stage in STAGES for name in stage}
    assert set(_services(manifest())) == staged == {*WEB, *WORKERS}


def test_every_service_runs_the_pinned_image() -> None:
    assert {service["image"] for service in _services(manifest()).values()} == {IMAGE}


def test_no_secret_stands_in_a_manifest() -> None:
    assert CANARY not in msgspec.json.encode(manifest()).decode()


def test_no_variable_that_sounds_like_a_secret_is_in_an_environment() -> None:
    for service in _services(manifest(STORE_NAME="Corner shop")).values():
        telling = {name for name in service["environment"] if _TELLING.search(name)}
        assert all(name.endswith("_FILE") for name in telling)
        assert all("@" not in value or "<" in value for value in service["environment"].values())


def test_every_secret_variable_of_a_destination_becomes_a_secret() -> None:
    of, contents = manifest(), secret_contents(destination())
    for variable, value in SECRETS.items():
        if variable != "REGISTRY_PASSWORD":
            name = of.secret_name(variable.lower())
            assert name is not None
            assert contents[name] == value.encode()


def test_manifest_and_contents_name_the_same_secrets() -> None:
    assert manifest().secret_names() == set(secret_contents(destination()))


def test_a_changed_value_is_a_new_name_and_the_others_stay() -> None:
    before, after = manifest(), manifest(ADMIN_API_KEY="another")
    assert before.secret_name("admin_api_key") != after.secret_name("admin_api_key")
    assert before.secret_name("redis_url") == after.secret_name("redis_url")


def test_a_secret_that_is_not_set_is_left_out() -> None:
    of = manifest(SENTRY_DSN="")
    assert of.secret_name("sentry_dsn") is None
    assert "SENTRY_DSN_FILE" not in _services(of)["catalog"]["environment"]


def test_a_service_gets_its_own_role_and_no_other() -> None:
    of = manifest()
    for service in ("catalog", "checkout", "jobs", "health"):
        databases = {name for name in _secrets(of, service) if "database_url" in name}
        assert databases == {f"{service}_database_url"}
    assert not any("database_url" in name for name in _secrets(of, "storefront"))


def test_no_service_gets_the_owners_url() -> None:
    of = manifest()
    assert of.secret_name("database_url") is not None
    assert all("database_url" not in _secrets(of, service) for service in _services(of))


def test_only_who_pays_and_mails_gets_the_keys_for_it() -> None:
    of = manifest()
    holders = {name for name in _services(of) if "payment_secret_key" in _secrets(of, name)}
    mailers = {name for name in _services(of) if "ses_password" in _secrets(of, name)}
    assert (holders, mailers) == ({"checkout", "worker-durable"}, {"worker-durable"})


def test_roles_are_derived_on_the_operators_side() -> None:
    contents = secret_contents(destination())
    data = DatabaseSettings.read({"DATABASE_URL": SECRETS["DATABASE_URL"]})
    assert contents[str(manifest().secret_name("catalog_database_url"))] == role_url(data, "catalog").encode()


def test_secrets_are_read_by_file_variables() -> None:
    environment = _services(manifest())["catalog"]["environment"]
    assert environment["ADMIN_API_KEY_FILE"] == "/run/secrets/admin_api_key"


def test_what_the_destination_sets_reaches_the_services() -> None:
    environment = _services(manifest(STORE_NAME="Corner shop", QUOTE_TTL_MINUTES="5"))["checkout"][
        "environment"
    ]
    assert (environment["STORE_NAME"], environment["QUOTE_TTL_MINUTES"]) == ("Corner shop", "5")


def test_services_know_which_proxies_are_believed() -> None:
    """Who guesses at passwords is counted by address."""
    assert (
        _services(manifest(TRUSTED_PROXIES="10.0.0.1"))["jobs"]["environment"]["TRUSTED_PROXIES"]
        == "10.0.0.1"
    )


def test_the_first_password_is_known_to_jobs_alone() -> None:
    of = manifest()
    assert {name for name in _services(of) if "staff_admin_password" in _secrets(of, name)} == {"jobs"}


def test_who_enqueues_works_or_steers_fast_jobs_knows_where_they_are() -> None:
    """Without the address they would look in database 1 of REDIS_URL; bulk actions run in durable workers."""
    of = manifest(REDIS_QUEUE_URL=f"redis://:{CANARY}-redis@queue:6379/0")
    knowing = {name for name in _services(of) if "redis_queue_url" in _secrets(of, name)}
    assert knowing == {"catalog", "jobs", "worker-durable", "worker-fast"}


def test_a_variable_given_as_a_file_reaches_the_services(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("Corner shop\n")
    of = manifest(STORE_NAME_FILE=str(tmp_path / "name"))
    assert _services(of)["catalog"]["environment"]["STORE_NAME"] == "Corner shop"


def test_deploy_knobs_are_nothing_for_services() -> None:
    environment = _services(manifest(HTTP_PORT="8080", PRODUCTS="5"))["catalog"]["environment"]
    assert not {"HTTP_PORT", "PRODUCTS", "IMAGE_REPOSITORY", "RELEASE"} & set(environment)


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(OperatorError, match=r"lacks .*SES_HOST, .*PUBLIC_URL, .*ADMIN_API_KEY") as raised:
        manifest(PUBLIC_URL="", ADMIN_API_KEY="", SES_HOST="")
    assert "IMAGE_REPOSITORY" not in str(raised.value)


def test_a_password_of_the_example_counts_as_missing() -> None:
    with pytest.raises(OperatorError, match="lacks DATABASE_URL"):
        manifest(DATABASE_URL="postgresql://kiosk:CHANGE-ME@postgres:5432/kiosk")


def test_redis_needs_an_address_where_it_is_no_accessory() -> None:
    with pytest.raises(OperatorError, match="lacks REDIS_URL"):
        manifest(REDIS_URL="", ACCESSORIES="postgres")


def test_the_accessory_is_where_redis_is_looked_for() -> None:
    contents = secret_contents(destination(REDIS_URL=""))
    name = manifest(REDIS_URL="").secret_name("redis_url")
    assert contents[str(name)] == b"redis://redis:6379/0"


def test_a_wrong_value_stops_with_its_name() -> None:
    with pytest.raises(SettingError, match="CATALOG_REPLICAS"):
        manifest(CATALOG_REPLICAS="0")


def test_what_deploy_yml_decides_can_not_be_changed() -> None:
    with pytest.raises(OperatorError, match=r"INTERNAL_URL is decided by deploy\.yml"):
        manifest(INTERNAL_URL="http://elsewhere")
    assert manifest(INTERNAL_URL=fixed_variables()["INTERNAL_URL"]) == manifest()


def test_the_engine_waits_longer_than_a_service_needs_to_stop() -> None:
    chosen = {"LAME_DUCK_SECONDS": "7", "DRAIN_SECONDS": "31.5", "WORKER_STOP_SECONDS": "44"}
    services = _services(manifest(**chosen))
    assert all(_seconds(services[name]["stop_grace_period"]) > 7 + 31.5 + 2 for name in WEB)
    assert all(_seconds(services[name]["stop_grace_period"]) > 44 + 10 + 2 for name in WORKERS)


def test_a_deploy_has_a_lame_duck_time_by_default() -> None:
    said = _services(manifest())["catalog"]["environment"]["LAME_DUCK_SECONDS"]
    assert float(said) == lame_duck_seconds(destination()) == 5.0


def test_services_are_confined_and_swapped_start_first() -> None:
    for service in _services(manifest()).values():
        deploy = service["deploy"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert {"memory", "cpus", "pids"} == deploy["resources"]["limits"].keys()
        assert deploy["update_config"]["order"] == deploy["rollback_config"]["order"] == "start-first"
        assert deploy["update_config"]["failure_action"] == "rollback"
        assert deploy["endpoint_mode"] == "dnsrr"


def test_a_web_service_tells_traefik_its_own_name() -> None:
    for name in WEB:
        labels = _services(manifest())[name]["deploy"]["labels"]
        assert f"traefik.http.services.{name}.loadbalancer.server.port=8000" in labels


def test_whole_numbers_stay_numbers() -> None:
    deploy = _services(manifest(CATALOG_REPLICAS="3"))["catalog"]["deploy"]
    assert (deploy["replicas"], deploy["update_config"]["parallelism"]) == (3, 1)


def test_nothing_is_left_to_fill_in() -> None:
    assert "${" not in json.dumps(manifest().stack)


def test_only_services_of_the_database_reach_its_network() -> None:
    of = _services(manifest())
    assert "data" not in of["storefront"]["networks"]
    assert all("edge" not in of[name]["networks"] for name in WORKERS)


def test_a_part_of_a_manifest_brings_what_it_uses() -> None:
    part = subset(manifest(), ["storefront"])
    assert set(part["services"]) == {"storefront"}
    assert (set(part["networks"]), set(part["secrets"])) == (
        {"edge", "app"},
        {"rate_limit_probe_key", "sentry_dsn"},
    )


def test_a_dollar_in_a_value_is_not_docker_s_to_fill_in() -> None:
    of = manifest(STORE_NAME="$HOME and $$")
    part = subset(of, ["catalog"])
    assert _services(of)["catalog"]["environment"]["STORE_NAME"] == "$HOME and $$"
    assert part["services"]["catalog"]["environment"]["STORE_NAME"] == "$$HOME and $$$$"


def test_a_manifest_knows_its_migrations_and_routes() -> None:
    of = manifest()
    assert "0001_products.sql" in of.migrations["catalog"]
    assert re.fullmatch(r"[0-9a-f]{8}", of.routes)


def test_a_manifest_survives_the_ledger() -> None:
    of = manifest()
    assert msgspec.json.decode(msgspec.json.encode(of), type=Manifest) == of


def test_a_manifest_is_read_from_the_tree_that_the_image_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "traefik").mkdir()
    (tmp_path / "traefik" / "routes.yml").write_text("http: {}\n")
    (tmp_path / "deploy.yml").write_text((ROOT / "deploy.yml").read_text())
    of = render(destination(), release="r1", revision="abc", image=IMAGE, folder=tmp_path)
    assert of.migrations["catalog"] == []
    assert of.routes != manifest().routes
