"""Moving traffic from one release to another, with a probe that watches; and back, when anything is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from ops.console import OperatorError, say, step
from ops.deploy import maintenance, verify
from ops.deploy.docker import DockerError
from ops.deploy.evidence import Evidence, gather
from ops.deploy.interruption import Interrupted, Interruption
from ops.deploy.lock import Lock, LockLost
from ops.deploy.manifest import STAGES, Manifest
from ops.deploy.probe_report import ProbeReport, verdict
from ops.deploy.prober import ProbeBroken, Prober, probing
from ops.deploy.rollout import RolloutFailed, await_in_place, await_settled, check, remove, submit
from ops.deploy.routes import publish_routes
from ops.deploy.site import Site

_LAST_LOOK_SECONDS = 1.0  # answers to what was asked during the last swap


class ProbeFailed(Exception):
    """Shoppers would have seen failures."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be done: `previous` None on a first deploy."""

    previous: Manifest | None
    target: Manifest
    backwards: bool = False  # a rollback swaps in the reverse order

    @property
    def stages(self) -> list[tuple[str, ...]]:
        """Those services of each stage that the target has."""
        ordered = reversed(STAGES) if self.backwards else STAGES
        known = self.target.stack["services"]
        return [chosen for stage in ordered if (chosen := tuple(name for name in stage if name in known))]


class ChangeFailed(Exception):
    """The target does not run. `state` says in words what does; `restored` whether that is what ran
    before; `report` is what the probe saw."""

    def __init__(
        self, where: str, why: str, state: str, *, restored: bool, interrupted: bool = False
    ) -> None:
        self.where, self.why, self.state = where, why, state
        self.restored, self.interrupted = restored, interrupted
        self.evidence: tuple[Evidence, ...] = ()
        self.report = ProbeReport()
        self.log: tuple[str, ...] = ()
        super().__init__(f"{where}: {why}")


@dataclass
class ChangeOver:
    """One change of what runs. `touched` are the services that the swarm was told about so far, `made`
    those that a first deploy created."""

    site: Site
    lock: Lock
    attempt: Attempt
    interruption: Interruption
    touched: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    closed: bool = False
    prober: Prober | None = None

    def run(self) -> ProbeReport:
        """Raises ChangeFailed, when everything is back or can't be brought back."""
        self.closed = maintenance.closed(self.site.docker, self.site.stack) is not None
        with self._probe() as self.prober:
            try:
                return self._there_or_back()
            except Interrupted as error:  # between a failure and what is done about it
                raise self._back(error) from error

    def _there_or_back(self) -> ProbeReport:
        try:
            self._forwards()
            report = self._final_report()
            self.interruption.finish(f"{self.attempt.target.release} serves already, only cleaning up")
        except LockLost as error:
            raise self._lost(error) from None
        except (Exception, OperatorError, Interrupted) as error:
            raise self._back(error) from error
        return report

    @contextmanager
    def _probe(self) -> Iterator[Prober | None]:
        """On a first deploy, and in a closed store, there is nothing to see."""
        site, release = self.site, self.attempt.target.release
        nothing = self.attempt.previous is None or self.closed
        with nullcontext() if nothing else probing(site.url, release, site.probe, site.probe_key) as prober:
            yield prober

    def _forwards(self) -> None:
        target, seconds = self.attempt.target, self.site.rollout.stage_timeout_seconds
        for stage in self.attempt.stages:
            with step(f"swap {', '.join(stage)}"):
                self._place(target, stage, seconds)
        with step("old replicas ended, new ones watched"):
            everything = list(target.stack["services"])
            await_settled(self.site.docker, target, everything, time.monotonic() + seconds, self._watch)
        with step("routes"):
            self._publish_routes(target)
        self._verify(target, self._watch)
        self._remove_strangers()

    def _place(self, manifest: Manifest, stage: Sequence[str], seconds: float) -> None:
        """The next stage need not wait until the old replicas have drained."""
        self.lock.check()
        self.touched += [name for name in stage if name not in self.touched]
        if self.attempt.previous is None:
            names = {name: manifest.service_name(name) for name in stage}
            self.made += [name for name in stage if self.site.docker.find("service", names[name]) is None]
        submit(self.site.docker, manifest, stage)
        await_in_place(self.site.docker, manifest, stage, time.monotonic() + seconds, self._watch)

    def _watch(self) -> None:
        """Called while anything is waited for. Raises whatever is a reason to go back."""
        self.lock.check()
        if self.prober is not None:
            self.prober.check()
            if why := verdict(self.prober.report, self.site.probe.probe_failures_max):
                raise ProbeFailed(why)
        check(self.site.docker, self.attempt.target, self.touched)

    def _remove_strangers(self) -> None:
        """Services that only the previous release has."""
        before = self.attempt.previous
        if before is not None:
            gone = [
                name for name in before.stack["services"] if name not in self.attempt.target.stack["services"]
            ]
            self.touched += gone
            remove(self.site.docker, before, gone)

    def _publish_routes(self, manifest: Manifest) -> None:
        docker, site = self.site.docker, self.site
        closed = maintenance.routes_of(docker, site.stack)
        publish_routes(docker, manifest, site.destination, maintenance=closed)

    def _verify(self, manifest: Manifest, watch: Callable[[], None]) -> None:
        with step("every task runs the image"):
            verify.verify_tasks(self.site, manifest, watch)
        if not self.closed:
            with step("the public URL answers as the release"):
                verify.verify_answers(self.site, manifest, watch)
        with step("each worker's row says the release"):
            verify.verify_workers(self.site, manifest)

    def _final_report(self) -> ProbeReport:
        if self.prober is None:
            return ProbeReport(final=True)
        time.sleep(_LAST_LOOK_SECONDS)
        report = self.prober.stop()
        say(f"  probe: {report.words}")
        if why := verdict(report, self.site.probe.probe_failures_max):
            raise ProbeFailed(why)
        return report

    def _lost(self, error: LockLost) -> ChangeFailed:
        """Somebody else may be at work: whatever we did now could undo theirs."""
        state = "unknown: whoever took the lock decides from here on; some services may be of the new release"
        return self._failed("the lock", str(error), state, restored=False)

    def _back(self, error: BaseException) -> ChangeFailed:
        with self.interruption.finishing("going back to the old release already"):
            where, why = _told(error)
            say(f"\n  ✗ {where}: {self.site.redact(why)}")
            evidence = self._evidence(error)
            problems = self._go_back()
            failed = self._failed(where, why, self._state(problems), restored=not problems)
            failed.evidence, failed.interrupted = evidence, isinstance(error, Interrupted)
            if isinstance(error, ProbeFailed):
                failed.log = tuple(failure.words for failure in failed.report.failures)
            return failed

    def _state(self, problems: list[str]) -> str:
        if problems:
            return f"not what it should be: {'; '.join(problems)}"
        if self.attempt.previous is None:
            return "nothing of ours: the services made by this first deploy are removed"
        return f"{self.attempt.previous.release}, on all services"

    def _failed(self, where: str, why: str, state: str, *, restored: bool) -> ChangeFailed:
        failed = ChangeFailed(where, why, state, restored=restored)
        if self.prober is not None:
            failed.report = self.prober.stop()
        return failed

    def _evidence(self, error: BaseException) -> tuple[Evidence, ...]:
        """Before the way back clears it away."""
        if isinstance(error, RolloutFailed | verify.NotVerified):
            return (gather(self.site.docker, self.attempt.target, error.service),)
        return ()

    def _go_back(self) -> list[str]:
        """What could not be brought back. Goes on whatever fails: the more of the old release, the better."""
        previous = self.attempt.previous
        if previous is None:
            return self._undo_first()
        back = Attempt(self.attempt.target, previous, backwards=not self.attempt.backwards)
        problems = []
        stages = [tuple(name for name in stage if name in self.touched) for stage in back.stages]
        for stage in filter(None, stages):
            problems += self._tried(f"back: {', '.join(stage)}", partial(self._return, previous, stage))
        strangers = [name for name in self.touched if name not in previous.stack["services"]]
        if strangers:
            problems += self._tried("back: remove what is new", lambda: self._remove_new(strangers))
        if self.touched:
            problems += self._tried("back: routes", lambda: self._publish_routes(previous))
            problems += self._tried("back: new replicas ended", lambda: self._settle(previous))
            problems += self._tried("back: verified", lambda: self._verify(previous, self.lock.check))
        return problems

    def _return(self, previous: Manifest, stage: Sequence[str]) -> None:
        self.lock.check()
        submit(self.site.docker, previous, stage)
        deadline = time.monotonic() + self.site.rollout.stage_timeout_seconds
        await_in_place(self.site.docker, previous, stage, deadline, self.lock.check)

    def _remove_new(self, strangers: Sequence[str]) -> None:
        self.lock.check()
        remove(self.site.docker, self.attempt.target, strangers)

    def _settle(self, previous: Manifest) -> None:
        deadline = time.monotonic() + self.site.rollout.stage_timeout_seconds
        services = [name for name in self.touched if name in previous.stack["services"]]
        await_settled(self.site.docker, previous, services, deadline, self.lock.check)

    def _undo_first(self) -> list[str]:
        services = list(self.made)
        return self._tried(
            "remove what was made", lambda: remove(self.site.docker, self.attempt.target, services)
        )

    def _tried(self, label: str, work: Callable[[], None]) -> list[str]:
        try:
            with step(label):
                work()
        except (Exception, OperatorError) as error:
            return [f"{label}: {self.site.redact(_told(error)[1])}"]
        return []


def _told(error: BaseException) -> tuple[str, str]:
    """Where it failed, and why, in words."""
    match error:
        case Interrupted():
            return "interrupted", f"stopped by the operator ({error})"
        case RolloutFailed():
            return error.service, error.why
        case verify.NotVerified():
            return f"{error.service}: verification", error.why
        case ProbeFailed() | ProbeBroken():
            return "the probe", str(error)
        case DockerError():
            return "the engine", str(error)
        case _:
            return "the roll-out", str(error) or repr(error)
