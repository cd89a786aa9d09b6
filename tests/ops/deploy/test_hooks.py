"""Hooks: executables of the shop's own, at the steps of a deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.console import OperatorError
from ops.deploy.docker import Docker
from ops.deploy.hooks import FOLDER, Told, run_hook, run_last_hook
from ops.deploy.site import Site
from tests.ops.deploy.destinations import SECRETS, destination

TOLD = Told("r7", "abcdef", "ada@desk")


@pytest.fixture
def site() -> Site:
    return Site(Docker({"DOCKER_HOST": "unix:///nowhere"}), destination())


def _hook(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_hook_is_told_what_is_deployed(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _hook(tmp_path, "pre-build", 'echo "$KIOSK_RELEASE $KIOSK_REVISION $KIOSK_DESTINATION $KIOSK_WHO"')
    run_hook(site, "pre-build", TOLD, tmp_path)
    assert "r7 abcdef test ada@desk" in capsys.readouterr().out


def test_without_a_hook_nothing_happens(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_hook(site, "pre-build", TOLD, tmp_path)
    assert capsys.readouterr().out == ""


def test_a_hook_that_fails_stops_the_deploy_and_names_itself(site: Site, tmp_path: Path) -> None:
    _hook(tmp_path, "pre-migrate", "exit 3")
    with pytest.raises(OperatorError, match="hook pre-migrate ended with 3"):
        run_hook(site, "pre-migrate", TOLD, tmp_path)


def test_a_last_hook_that_fails_is_only_told(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _hook(tmp_path, "post-deploy", "exit 3")
    run_last_hook(site, "post-deploy", TOLD, tmp_path)
    assert "ended with 3" in capsys.readouterr().out


def test_a_hook_that_is_not_executable_is_a_mistake(site: Site, tmp_path: Path) -> None:
    (tmp_path / "pre-build").write_text("#!/bin/sh\n")
    with pytest.raises(OperatorError, match="chmod"):
        run_hook(site, "pre-build", TOLD, tmp_path)


def test_a_secret_that_a_hook_prints_is_not_seen(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _hook(tmp_path, "pre-build", f"echo {SECRETS['SES_PASSWORD']}; exit 1")
    with pytest.raises(OperatorError):
        run_hook(site, "pre-build", TOLD, tmp_path)
    assert "canary" not in capsys.readouterr().out


def test_the_samples_can_be_run() -> None:
    samples = sorted(FOLDER.glob("*.sample"))
    assert [sample.name for sample in samples] == ["post-deploy.sample", "pre-migrate.sample"]
    assert all(sample.stat().st_mode & 0o111 for sample in samples)
