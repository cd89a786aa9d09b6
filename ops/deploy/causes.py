"""What probably went wrong, and what to do: from what a failed task left behind."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """`likely` says what happened, `remedy` what the operator does about it."""

    likely: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    """`{0}`, `{1}` in the words stand for the groups of the expression."""

    expression: re.Pattern[str]
    likely: str
    remedy: str


def _pattern(expression: str, likely: str, remedy: str) -> _Pattern:
    return _Pattern(re.compile(expression, re.MULTILINE), likely, remedy)


# The first that matches speaks, so the sure ones come first.
_PATTERNS = (
    _pattern(
        r"^stopped by the operator",
        "somebody pressed Ctrl-C, or ended the deploy by a signal",
        "nothing has to be mended; deploy again when you like",
    ),
    _pattern(
        r"^.*kiosk: ([A-Z][A-Z0-9_]+): (.+)$",
        "the setting {0} is wrong or missing: {1}",
        "correct {0} in the destination's file, then deploy again",
    ),
    _pattern(
        r"smoke: (GET|POST) (\S+) (answered 5\d\d|was not answered)",
        "the new release answers its own smoke test with an error: {0} {1} {2}",
        "the traceback above says where; mend it, commit, deploy again",
    ),
    _pattern(
        r"(ModuleNotFoundError|ImportError|SyntaxError|IndentationError|NameError): ([^\"\\\n]+)",
        "the program does not start: {0}: {1}",
        "`make test` would tell, too; mend it (a package belongs in requirements/), commit, deploy again",
    ),
    _pattern(
        r"probe saw (.+)",
        "shoppers would have seen failures while the replicas were swapped",
        "look for that request in `make logs`; if it has nothing to do with the release, deploy again",
    ),
    _pattern(
        r"(?i)(no such image|manifest (?:for \S+ )?(?:not found|unknown)|pull access denied|unauthorized|"
        r"error pulling image|failed to resolve reference)",
        "a node could not pull the image: {0}",
        "check IMAGE_REPOSITORY, REGISTRY_USERNAME and REGISTRY_PASSWORD, and that every node reaches the "
        "registry: docker pull IMAGE on that node",
    ),
    _pattern(
        r"(?i)insufficient resources",
        "no node has room for one more replica beside the old ones",
        "lower the *_MEMORY_RESERVATION, take fewer replicas, or add a node (docker node ls)",
    ),
    _pattern(
        r"(?i)(no suitable node[^\n]*|host-mode port already in use[^\n]*|no such device[^\n]*)",
        "no node may run it: {0}",
        "docker node ls: is a node down or drained, or does its label miss?",
    ),
    _pattern(
        r"(\d{4}_\w+\.sql[^\n]*(?:fail|error)[^\n]*|\bpq: [^\n]+|\bERROR: +[^\n]+)",
        "a migration failed: {0}",
        "migrations run one by one, and the failed one changed nothing; mend it, commit, deploy again",
    ),
    _pattern(
        r"waiting_for\"?: ?\"?([^\"\n}]+)",
        "the new process never was ready: it went on waiting for {0}",
        "see that what it waits for is there: make status; make logs",
    ),
    _pattern(
        r"(?i)(cannot reach PostgreSQL[^\n]*|database away)",
        "the database can't be reached: {0}",
        "check DATABASE_URL and that PostgreSQL runs: make status",
    ),
    _pattern(
        r"(\w*(?:Error|Exception)): ([^\"\\\n]+)",
        "the process ended with {0}: {1}",
        "the traceback above says where; mend it, commit, deploy again",
    ),
)


def cause_of(
    text: str, *, health: str = "", exit_code: int | None = None, out_of_memory: bool = False
) -> Cause:
    """The likely cause, of all that is known: the failure's own words and log lines; when those say
    nothing, by what its health checks said and how it ended."""
    if out_of_memory:
        return _OUT_OF_MEMORY
    for pattern in _PATTERNS:
        if found := pattern.expression.search(text):
            groups = [one.strip() for one in found.groups()]
            return Cause(pattern.likely.format(*groups), pattern.remedy.format(*groups))
    return _by_state(f"{text}\n{health}", exit_code)


def _by_state(text: str, exit_code: int | None) -> Cause:
    if exit_code == 137 and "unhealthy" not in text:
        return _OUT_OF_MEMORY
    if "unhealthy" in text or "starting" in text:
        return _NEVER_READY
    if "not in time" in text:
        return _TOO_SLOW
    if exit_code:
        return Cause(f"the process ended with exit code {exit_code}", "its last lines above say why")
    return _UNKNOWN


_OUT_OF_MEMORY = Cause(
    "the kernel ended the process: it took more memory than its limit",
    "raise WEB_MEMORY_LIMIT or WORKER_MEMORY_LIMIT, or find what takes it (exit code 137)",
)
_NEVER_READY = Cause(
    "the process runs and never was ready: its health check never passed",
    "its last lines above say what it waits for; /readyz at its ops port says it, too",
)
_TOO_SLOW = Cause(
    "the swarm did not bring the tasks up in time",
    "docker service ps --no-trunc SERVICE says what they wait for; a slow pull wants a larger "
    "STAGE_TIMEOUT_SECONDS",
)
_UNKNOWN = Cause("nothing that is known here", "read the lines above; make logs and make status tell more")
