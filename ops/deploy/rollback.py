"""`make rollback`: back to the release before, from the ledger, with the same care as a deploy. The image is
in the registry and the secrets in the swarm; no migration is undone: they only add."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress

from ops.console import OperatorError, bold, say, took
from ops.deploy import ledger, lock, plan
from ops.deploy.change_over import Attempt, ChangeFailed, ChangeOver
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.failure_card import print_card
from ops.deploy.hooks import Told, run_last_hook
from ops.deploy.interruption import EXIT_CODE, Interrupted, Interruption
from ops.deploy.ledger import Entry
from ops.deploy.lock import Lock
from ops.deploy.manifest import Manifest
from ops.deploy.record import card_of, record, record_what_serves
from ops.deploy.site import Site
from ops.deploy.verb import Verb


def run(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError, SystemExit when it failed and everything stays as it was."""
    site, interruption = Site(docker, destination), Interruption()
    with interruption.heard():
        try:
            who, wait = lock.whoami(), site.rollout.lock_wait_seconds
            with lock.held(docker, site.stack, who, "rolls back", wait) as held:
                _roll_back(site, held, interruption, arguments.release)
        except Interrupted as error:
            say(f"\n  stopped ({error}); nothing has changed")
            raise SystemExit(EXIT_CODE) from None


def _roll_back(site: Site, held: Lock, interruption: Interruption, release: str | None) -> None:
    started, started_at = time.monotonic(), lock.now()
    now, target = _choose(site, release)
    _check_secrets(site, target)
    say(bold(f"from {now.release} back to {target.release}"))
    plan.tell(plan.differences(now, target))
    try:
        attempt = Attempt(now, target, backwards=True)
        report = ChangeOver(site, held, attempt, interruption).run()
    except ChangeFailed as failed:
        with interruption.finishing("everything is as before; only writing that down"):
            _tell_failed(site, held, failed, target, started_at)
        raise SystemExit(EXIT_CODE if failed.interrupted else 1) from None
    with interruption.finishing("the older release serves; cleaning up"):
        again = site.command(f"rollback TO_RELEASE={target.release}")
        record_what_serves(site, held, target, "rollback", started_at, again=again, report=report)
        run_last_hook(site, "post-rollback", Told(target.release, target.revision, lock.whoami(), "ok"))
    say(bold(f"{target.release} serves again, after {took(time.monotonic() - started)}"))


def _choose(site: Site, release: str | None) -> tuple[Manifest, Manifest]:
    """What runs, and what shall run."""
    found = ledger.entries(site.docker, site.stack)
    now = ledger.newest_ok(found)
    if now is None:
        raise OperatorError(f"nothing was deployed here yet: {site.command('deploy')}")
    target: Entry | None = ledger.of_release(found, release) if release else ledger.before(found)
    if target is None:
        known = f"no release {release}" if release else f"no release before {now.release}"
        raise OperatorError(f"the ledger knows {known} that ended well: {site.command('releases')}")
    if target.release == now.release:
        raise OperatorError(f"{now.release} is what runs: {site.command('releases')}")
    return now.manifest, target.manifest


def _check_secrets(site: Site, target: Manifest) -> None:
    """Secrets can't be read back from the swarm, so a release whose secrets are gone can't run again."""
    missing = [name for name in sorted(target.secret_names()) if site.docker.find("secret", name) is None]
    if missing:
        raise OperatorError(
            f"{target.release} needs secrets that are no longer in the swarm ({', '.join(missing)}): "
            f"deploy its commit anew: git checkout {target.revision[:12]} && {site.command('deploy')}"
        )


def _tell_failed(site: Site, held: Lock, failed: ChangeFailed, target: Manifest, started_at: str) -> None:
    if held.lost is None:
        with suppress(DockerError):
            record(site, target, "rollback", started_at, failure=failed)
    told = Told(target.release, target.revision, lock.whoami(), "failed")
    run_last_hook(site, "on-failure", told)
    following = site.command("status")
    print_card(card_of(failed, following), site.redact)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--release", help="another one than the one before; the beginning of its name will do"
    )


VERB = Verb("rollback", "back to the release before, or to TO_RELEASE=", run, add_arguments)
