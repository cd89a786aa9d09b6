"""What is checked, built, rendered and kept secret is of the commit that the release is named after, whatever
becomes of the clone meanwhile."""

from __future__ import annotations

import shutil
import subprocess
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.console import OperatorError
from ops.deploy import build, deploy, groundwork, ledger, plan, preflight
from ops.deploy.destination import ROOT
from ops.deploy.docker import Docker
from ops.deploy.groundwork import StepFailed
from ops.deploy.manifest import Manifest
from ops.deploy.site import Site
from tests.ops.deploy.configs import Configs
from tests.ops.deploy.destinations import IMAGE, destination

_AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@kiosk.example")
_ADDS = "-- migrate:up\nCREATE TABLE catalog.colours (name text);\n"
_TAKES_AWAY = "-- migrate:up\nDROP TABLE catalog.products;\n"


def _git(clone: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *_AUTHOR, *arguments], cwd=clone, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _commit(clone: Path) -> str:
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", "change")
    return _git(clone, "rev-parse", "HEAD")


def _migration(clone: Path, name: str, content: str) -> None:
    (clone / "services" / "catalog" / "schema" / name).write_text(content)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What of this tree a deploy reads, as a clone with one commit."""
    folder = tmp_path / "clone"
    for schema in ROOT.glob("services/*/schema"):
        shutil.copytree(schema, folder / schema.relative_to(ROOT))
    for file in ("deploy.yml", "traefik/routes.yml"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    _migration(folder, "9997_named.sql", _ADDS)
    _git(folder, "init", "--quiet")
    _commit(folder)
    for module in (deploy, plan):
        monkeypatch.setattr(module, "ROOT", folder)
    return folder


def _move_on(clone: Path) -> None:
    """One more commit, without a secret and with a migration; one more that is not committed."""
    template = yaml.safe_load((clone / "deploy.yml").read_text())
    del template["secrets"]["sentry_dsn"]
    for service in template["services"].values():
        service["secrets"] = [name for name in service["secrets"] if name != "sentry_dsn"]
    (clone / "deploy.yml").write_text(yaml.safe_dump(template))
    _migration(clone, "9998_later.sql", _ADDS)
    _commit(clone)
    _migration(clone, "9999_uncommitted.sql", _TAKES_AWAY)


def _builder(tmp_path: Path) -> Path:
    """A docker that builds nothing, and keeps the names of the migrations it was given."""
    program = tmp_path / "docker"
    seen = tmp_path / "built"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\nls "$last/services/catalog/schema" > {seen}\n')
    program.chmod(0o755)
    return program


def test_all_of_a_deploy_is_of_the_commit_that_it_began_with(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, engine = _git(clone, "rev-parse", "HEAD"), Configs(program=str(_builder(tmp_path)))
    published: dict[str, bytes] = {}
    checked: list[Any] = []

    def check(site: Site) -> None:
        _move_on(clone)
        checked.extend(preflight._migrations(site))

    def publish(_docker: Docker, _target: Manifest, contents: Mapping[str, bytes]) -> None:
        published.update(contents)
        raise StepFailed("secrets", "far enough")

    monkeypatch.setattr(deploy, "preflight", check)
    monkeypatch.setattr(groundwork, "push", lambda *_: IMAGE)
    monkeypatch.setattr(plan, "side_differences", lambda *_: [])
    monkeypatch.setattr(groundwork, "ensure_networks", lambda *_: None)
    monkeypatch.setattr(groundwork, "publish_secrets", publish)
    with pytest.raises(SystemExit):
        deploy.run(Namespace(force=False), destination(), engine)

    [entry] = ledger.entries(engine, "kiosk")
    assert "far enough" in (entry.reason or "")
    assert (entry.revision, entry.release[-7:]) == (named, named[:7])
    assert [finding.level for finding in checked] == ["ok"]
    assert (tmp_path / "built").read_text().split()[-1] == "9997_named.sql"
    assert entry.manifest.migrations["catalog"][-1] == "9997_named.sql"
    assert set(published) == entry.manifest.secret_names()


def test_a_commit_that_is_not_there_is_told(clone: Path) -> None:
    with pytest.raises(OperatorError, match="commit first"), build.committed_files(clone, "0" * 40):
        pytest.fail("files were laid out")
