"""What a deploy does before any traffic moves: until its end, what ran before runs on untouched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ops.console import say, step
from ops.deploy import lock, maintenance, plan
from ops.deploy.accessories import ensure_accessories
from ops.deploy.build import build_image
from ops.deploy.connections import connections_needed
from ops.deploy.edge import ensure_edge
from ops.deploy.hooks import Told, run_hook
from ops.deploy.lock import Lock
from ops.deploy.manifest import Manifest
from ops.deploy.networks import ensure_networks
from ops.deploy.one_shot import OneShotFailed, migrate
from ops.deploy.prober import ask_once
from ops.deploy.registry import push
from ops.deploy.render import render, secret_contents
from ops.deploy.routes import publish_routes
from ops.deploy.secrets import publish_secrets
from ops.deploy.site import Site

_MIGRATED = re.compile(r"^\s+(\w+/\d\S*\.sql)\b")


class StepFailed(Exception):
    """A step before any traffic moved did not succeed. `log` is what a task printed."""

    def __init__(self, where: str, why: str, log: tuple[str, ...] = ()) -> None:
        self.where, self.why, self.log = where, why, log
        super().__init__(f"{where}: {why}")


@dataclass
class Groundwork:
    """Of one deploy. `migrations` are those that it applied."""

    site: Site
    revision: str
    force: bool = False
    release: str = ""
    log: list[str] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.release = self.release or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{self.revision[:7]}"

    def told(self, result: str = "") -> Told:
        """What hooks are told."""
        return Told(self.release, self.revision, lock.whoami(), result)

    def check_well(self, previous: Manifest | None) -> None:
        """A store that fails already would be taken for a release that does. Raises StepFailed."""
        run_hook(self.site, "pre-deploy", self.told())
        if previous is None or maintenance.closed(self.site.docker, self.site.stack) is not None:
            return
        with step("the store is well before"):
            report = ask_once(self.site.url, self.release, self.site.probe, self.site.probe_key)
            if report.failed and not self.force:
                anyway = self.site.command("deploy FORCE=yes")
                why = f"{self.site.url} fails already: {report.failures[0].words} (all the same: {anyway})"
                raise StepFailed("the store before the deploy", why)

    def build(self, held: Lock, previous: Manifest | None) -> Manifest:
        """Builds, pushes, pins, and tells what changes. Raises DockerError, OperatorError."""
        site = self.site
        run_hook(site, "pre-build", self.told())
        with step("build"):
            tag = build_image(site.docker, site.destination, self.release, self.revision, site.folder)
        held.check()
        with step("push"):
            image = push(site.docker, tag)
        target = render(
            site.destination, release=self.release, revision=self.revision, image=image, folder=site.folder
        )
        say(f"    {image}")
        plan.tell(plan.differences(previous, target), plan.side_differences(site, target))
        return target

    def prepare(self, held: Lock, previous: Manifest | None, target: Manifest) -> None:
        """What a release stands on; after the first deploy all of it but new secrets is there. Raises
        DockerError, OperatorError."""
        docker, destination = self.site.docker, self.site.destination
        held.check()
        with step("networks and secrets"):
            ensure_networks(docker, self.site.stack)
            publish_secrets(docker, target, secret_contents(destination, self.site.folder))
        with step("accessories"):
            ensure_accessories(docker, destination, target)
        held.check()
        with step("the edge"):
            if previous is None:
                publish_routes(docker, target, destination)
            ensure_edge(docker, destination, target)

    def migrate(self, held: Lock, target: Manifest) -> None:
        """In a task of the new image. Raises StepFailed, DockerError."""
        run_hook(self.site, "pre-migrate", self.told())
        held.check()
        with step("migrations"):
            try:
                outcome = migrate(
                    self.site.docker,
                    target,
                    needs_connections=connections_needed(self.site.destination),
                    timeout_seconds=self.site.rollout.migrate_timeout_seconds,
                    on_line=self._on_migration_line,
                )
            except OneShotFailed as error:
                raise StepFailed("migrations", str(error), tuple(self.log)) from None
            if outcome.exit_code != 0:
                why = f"the migration task ended with exit code {outcome.exit_code}"
                raise StepFailed("migrations", why, tuple(outcome.log))
        run_hook(self.site, "pre-rollout", self.told())
        held.check()

    def _on_migration_line(self, line: str) -> None:
        self.log.append(line)
        if found := _MIGRATED.match(line):
            self.migrations.append(found[1])
            say(f"    {self.site.redact(line.strip())}")
