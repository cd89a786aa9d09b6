"""`make deploy`: one image of what is committed, swapped in without losing a request; or everything as it was
and a page that says why."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import NoReturn

from ops.console import OperatorError, bold, say, step, took
from ops.deploy import ledger, lock, plan
from ops.deploy.build import committed_files
from ops.deploy.change_over import Attempt, ChangeFailed, ChangeOver
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.failure_card import Failure, print_card
from ops.deploy.groundwork import Groundwork, StepFailed
from ops.deploy.hooks import run_last_hook
from ops.deploy.interruption import EXIT_CODE, Interrupted, Interruption
from ops.deploy.lock import Lock
from ops.deploy.manifest import Manifest
from ops.deploy.preflight import preflight
from ops.deploy.probe_report import ProbeReport
from ops.deploy.prune import prune
from ops.deploy.record import card_of, record, record_what_serves
from ops.deploy.site import Site
from ops.deploy.verb import Verb


class Deploy:
    """One `make deploy`. `site` has the files of `revision`."""

    def __init__(self, site: Site, revision: str, interruption: Interruption, *, force: bool) -> None:
        self.site, self.interruption = site, interruption
        self.started, self.started_at = time.monotonic(), lock.now()
        self.ground = Groundwork(site, revision, force)
        self.previous: Manifest | None = None
        self.target: Manifest | None = None

    def run(self) -> None:
        """Raises OperatorError when preflight finds problems or somebody else has the lock; SystemExit
        when it failed later, after it has said why."""
        site, release = self.site, self.ground.release
        say(bold(f"{release} to {site.destination.name}"))
        preflight(site)
        wait = site.rollout.lock_wait_seconds
        with lock.held(site.docker, site.stack, lock.whoami(), f"deploys {release}", wait) as held:
            target = self._lay_ground(held)
            report = self._change(held, target)
            with self.interruption.finishing("the new release serves; cleaning up"):
                self._end_well(held, target, report)

    def _lay_ground(self, held: Lock) -> Manifest:
        try:
            entry = ledger.current(self.site.docker, self.site.stack)
            self.previous = None if entry is None else entry.manifest
            self.ground.check_well(self.previous)
            self.target = self.ground.build(held, self.previous)
            self.ground.prepare(held, self.previous, self.target)
            self.ground.migrate(held, self.target)
        except (Exception, OperatorError, Interrupted) as error:
            with self.interruption.finishing("nothing has changed; only writing that down"):
                self._nothing_moved(error, held)
        return self.target

    def _change(self, held: Lock, target: Manifest) -> ProbeReport:
        try:
            return ChangeOver(self.site, held, Attempt(self.previous, target), self.interruption).run()
        except ChangeFailed as failed:
            with self.interruption.finishing("everything is back; only writing that down"):
                self._went_back(failed, held, target)
            raise SystemExit(EXIT_CODE if failed.interrupted else 1) from None

    def _end_well(self, held: Lock, target: Manifest, report: ProbeReport) -> None:
        entry = record_what_serves(
            self.site,
            held,
            target,
            "deploy",
            self.started_at,
            again=self.site.command("deploy"),
            migrations=self.ground.migrations,
            report=report,
        )
        try:
            with step("prune"):
                prune(self.site)
        except DockerError as error:
            say(f"    {error}; the next deploy tries again")
        run_last_hook(self.site, "post-deploy", self.ground.told("ok"))
        seconds = time.monotonic() - self.started
        say(bold(f"{target.release} serves, after {took(seconds)} (entry {entry.number} of the ledger)"))

    def _went_back(self, failed: ChangeFailed, held: Lock, target: Manifest) -> None:
        site, result = self.site, "rolled back" if failed.restored else "failed"
        if held.lost is None:
            with suppress(DockerError):
                record(
                    site,
                    target,
                    "deploy",
                    self.started_at,
                    migrations=self.ground.migrations,
                    failure=failed,
                )
            run_last_hook(site, "post-rollback", self.ground.told(result))
        run_last_hook(site, "on-failure", self.ground.told(result))
        following = site.command("deploy") if failed.restored else site.command("status")
        print_card(card_of(failed, following), site.redact)
        if failed.report.probed:
            say(f"  probe: {failed.report.words}")

    def _nothing_moved(self, error: BaseException, held: Lock) -> NoReturn:
        """Tells it and ends: what serves has not changed."""
        site = self.site
        where, why, log = _told(error)
        state = f"{self.previous.release}, untouched" if self.previous else "nothing of ours yet"
        if self.ground.migrations:
            state += "; the migrations that were applied stay: they only add"
        if isinstance(error, Interrupted):
            say(f"\n  stopped ({error}); what runs now: {state}")
            raise SystemExit(EXIT_CODE)
        if self.target is not None and held.lost is None:
            with suppress(DockerError):
                migrations, reason = self.ground.migrations, f"{where}: {why}; now runs {state}"
                record(site, self.target, "deploy", self.started_at, migrations=migrations, reason=reason)
        run_last_hook(site, "on-failure", self.ground.told("failed"))
        print_card(Failure(where, why, state, site.command("deploy"), log=log), site.redact)
        raise SystemExit(1)


def _told(error: BaseException) -> tuple[str, str, tuple[str, ...]]:
    """Where it failed, why, and the last lines there were."""
    match error:
        case StepFailed():
            return error.where, error.why, error.log
        case DockerError():
            lines = error.said.splitlines()
            first = str(error).partition(":")[0]
            return first, " ".join(lines[-1:]) or str(error), tuple(lines[-30:])
        case Interrupted():
            return "interrupted", str(error), ()
        case _:
            return "before the roll-out", str(error).removeprefix("kiosk: ") or repr(error), ()


def run(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError, SystemExit."""
    interruption = Interruption()
    with interruption.heard():
        try:
            revision = plan.head()
            with committed_files(ROOT, revision) as files:
                site = Site(docker, destination, files)
                Deploy(site, revision, interruption, force=arguments.force).run()
        except Interrupted as error:
            say(f"\n  stopped ({error}); nothing has changed")
            raise SystemExit(EXIT_CODE) from None


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="also when the store fails already")


VERB = Verb("deploy", "build what is committed and swap it in without losing a request", run, add_arguments)
