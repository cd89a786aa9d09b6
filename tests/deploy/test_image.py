"""The image that is shipped: what is in it, what is not, and how it lives and ends."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.built_image import build_image, engine_with
from tests.deploy.engine import DockerFailed, Engine
from tests.deploy.stand_in_images import CERTIFICATES, PYTHON
from tests.store import copied_tree, wait_until

SIZE_OVER_BASE_MAX_MB = 200
REVISION = "4c0ffee" + "0" * 33
CANARIES = {"ca": "canary-of-the-ca-secret", "env": "canary-of-an-environment-file"}
LOCKED_DOWN = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
NOBODY_THERE = "postgresql://nobody:nothing@127.0.0.1:9/nothing"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with engine_with() as engine:
        yield engine


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built of a tree with secrets lying about, by a build that is given one."""
    certificates = tmp_path_factory.mktemp("ca") / "bundle.pem"
    certificates.write_text(Path(CERTIFICATES).read_text() + f"\n# {CANARIES['ca']}\n")
    with copied_tree() as tree:
        for name in (".env.production", "services/.env", "ops/.env.local"):
            (tree / name).write_text(f"ADMIN_API_KEY={CANARIES['env']}\n")
        return build_image(engine, "r7", tree, revision=REVISION, certificates=str(certificates))


def _facts(engine: Engine, image: str) -> dict[str, Any]:
    [facts] = json.loads(engine.docker("image", "inspect", image))
    return dict(facts)


def _run(engine: Engine, image: str, script: str) -> str:
    return engine.docker("run", "--rm", *LOCKED_DOWN, "--entrypoint", "sh", image, "-ec", script)


@contextmanager
def _process(engine: Engine, image: str, *command: str, **variables: str) -> Iterator[str]:
    """A container of the image, locked down; its id."""
    set_them = [word for pair in variables.items() for word in ("--env", "=".join(pair))]
    container = engine.docker("run", "--detach", *LOCKED_DOWN, *set_them, image, *command)
    try:
        yield container
    finally:
        engine.docker("rm", "--force", container)


def _health(engine: Engine, container: str) -> tuple[str, list[str]]:
    """What Docker thinks of it, and what the health check has said so far."""
    told = json.loads(engine.docker("inspect", "--format", "{{json .State.Health}}", container))
    return told["Status"], [entry["Output"].strip() for entry in told["Log"] or ()]


def test_it_is_small(engine: Engine, image: str) -> None:
    over_base_mb = (_facts(engine, image)["Size"] - _facts(engine, PYTHON)["Size"]) / 1e6
    print(f"the image is {over_base_mb:.0f} MB over its base")  # noqa: T201  # shown with -s, as asked for
    assert over_base_mb < SIZE_OVER_BASE_MAX_MB


def test_its_labels_and_its_environment_tell_what_it_is(engine: Engine, image: str) -> None:
    config = _facts(engine, image)["Config"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()
    }
    assert (labels["title"], labels["version"], labels["revision"]) == ("Kiosk", "r7", REVISION)
    assert "RELEASE=r7" in config["Env"]
    assert config["User"] == "10001:10001"


def test_another_release_of_the_same_tree_shares_every_layer(engine: Engine) -> None:
    with copied_tree() as tree:
        first, second = (build_image(engine, release, tree) for release in ("r8", "r9"))
    layers = [_facts(engine, name)["RootFS"]["Layers"] for name in (first, second)]
    assert layers[0] == layers[1]


def test_it_holds_what_production_runs_and_nothing_that_builds_or_tests(engine: Engine, image: str) -> None:
    assert _run(engine, image, "id -u; ls").split() == ["10001", "ops", "services", "traefik"]
    assert (
        _run(engine, image, "for name in pip pip3 cc gcc g++ make ld; do command -v $name || true; done")
        == ""
    )
    for module in ("pip", "setuptools", "brotli", "zstandard", "pytest", "aiosmtpd"):
        with pytest.raises(DockerFailed, match="No module named"):
            _run(engine, image, f"python -c 'import {module}'")
    folders = _run(engine, image, "ls -d ops/*/ 2>/dev/null || true; ls traefik").split()
    assert [name for name in folders if "__pycache__" not in name] == ["routes.yml"]


def test_its_bytecode_and_its_compressed_assets_were_made_by_the_build(engine: Engine, image: str) -> None:
    assert _run(engine, image, "ls services/__pycache__/service.*.pyc services/catalog/__pycache__/app.*.pyc")
    folder = "services/design/compressed"
    for asset in ("store", "buying", "payment", "desk", "live"):
        forms = _run(engine, image, f"ls {folder}/{asset}.*").split()
        assert sorted(form.rpartition(".")[2] for form in forms) == ["br", "gz", "zst"]


def test_no_secret_of_the_build_and_of_the_clone_is_in_a_layer(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    history = engine.docker("history", "--no-trunc", image)
    engine.docker("save", "--output", str(tmp_path / "image.tar"), image)
    with (
        (tmp_path / "image.tar").open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as saved,
    ):
        assert saved.find(b"ENV RELEASE") > 0  # it can be searched: nothing is compressed in there
        for canary in CANARIES.values():
            assert canary not in history
            assert saved.find(canary.encode()) == -1


def test_without_a_command_and_without_settings_it_says_what_is_missing(engine: Engine, image: str) -> None:
    with pytest.raises(DockerFailed, match="usage: python -m services"):
        engine.docker("run", "--rm", *LOCKED_DOWN, image)
    with pytest.raises(DockerFailed, match="kiosk: DATABASE_URL: is not set"):
        engine.docker("run", "--rm", *LOCKED_DOWN, image, "ops.migrate")


def test_a_service_without_its_database_lives_but_is_never_healthy(engine: Engine, image: str) -> None:
    with _process(engine, image, "services", "catalog", DATABASE_URL=NOBODY_THERE) as container:
        wait_until(lambda: "starting" in _health(engine, container)[1], "the health check says `starting`")
        assert _health(engine, container)[0] == "starting"
        engine.docker("stop", "--time", "30", container)
        assert engine.docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"


def test_a_service_that_was_ready_once_is_healthy_and_ends_by_itself_on_sigterm(
    engine: Engine, image: str
) -> None:
    """The storefront owns no data, and its smoke may find that everybody else is away."""
    with _process(engine, image, "services", "storefront", LAME_DUCK_SECONDS="1") as container:
        wait_until(lambda: _health(engine, container)[0] == "healthy", "it is healthy")
        assert _health(engine, container)[1][-1] == "alive"
        ask = "from urllib.request import urlopen as ask; print(ask('http://127.0.0.1:8000/cart').headers['X-Release'])"
        assert engine.docker("exec", container, "python", "-c", ask) == "r7"
        engine.docker("stop", "--time", "30", container)
        assert engine.docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
        assert '"message":"draining"' in engine.docker("logs", container)
