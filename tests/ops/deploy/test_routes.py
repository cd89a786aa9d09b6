"""The files that Traefik watches."""

from __future__ import annotations

from pathlib import Path

from ops.deploy.routes import Maintenance, maintenance_file
from ops.publish_routes import publish


def test_files_are_written_whole_and_others_removed(tmp_path: Path) -> None:
    (tmp_path / "maintenance.yml").write_text("old")
    assert publish(tmp_path, {"routes.yml": "new"}) == ["routes.yml", "maintenance.yml"]
    assert [file.name for file in tmp_path.iterdir()] == ["routes.yml"]
    assert (tmp_path / "routes.yml").read_text() == "new"


def test_what_did_not_change_is_not_touched(tmp_path: Path) -> None:
    publish(tmp_path, {"routes.yml": "same"})
    before = (tmp_path / "routes.yml").stat()
    assert publish(tmp_path, {"routes.yml": "same"}) == []
    assert (tmp_path / "routes.yml").stat() == before


def test_maintenance_spares_webhooks_and_health_and_the_inner_door() -> None:
    router = maintenance_file(Maintenance())["http"]["routers"]["maintenance"]
    assert router["entryPoints"] == ["public"]
    for path in ("/webhooks/payments", "/up", "/health"):
        assert f"!Path(`{path}`)" in router["rule"]
