"""What the command line understands: every command, its options, and the function that does it."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias, get_args

from services.jobs.backend import STATES, BackendName
from services.jobs.bulk.shapes import RATE_MAX
from services.jobs.commands import audit_commands, bulk_commands, job_commands, queue_commands, staff_commands
from services.jobs.commands.shell import Shell
from services.jobs.staff.who import ROLES

Command: TypeAlias = Callable[[Shell, Namespace], Awaitable[None]]
_EXIT_CODES = "Ends with 0, with 1 when it was refused, with 2 when it was not understood."


def parser() -> ArgumentParser:
    """`parse_args()` gives a Namespace with `command`, the function to call."""
    root = ArgumentParser(prog="python -m services.jobs", description="Steers the jobs.", epilog=_EXIT_CODES)
    verbs = root.add_subparsers(metavar="COMMAND", required=True)
    _add_jobs(verbs)
    _add_queues(verbs)
    _add_bulk(verbs)
    _add_staff(verbs)
    return root


def _add_jobs(verbs: Any) -> None:
    _page(_add(verbs, "failures", job_commands.failures, "groups of equal failures, the latest first"))
    _add(
        verbs, "retry-one", job_commands.retry_one, "retry one job of a failure group, before the rest"
    ).add_argument("group", metavar="GROUP")
    jobs = _add(verbs, "jobs", job_commands.jobs, "jobs that fit a filter")
    _filter(jobs)
    _page(jobs)
    job = _add(verbs, "job", job_commands.job, "one job with every attempt")
    job.add_argument("id", metavar="ID", help="also BACKEND:ID")
    job.add_argument("--reveal", action="store_true", help="show masked arguments; goes on record")
    _backend(job)
    for name, command, does in (
        ("retry", job_commands.retry, "run a job again, or with --all every one that fits"),
        ("discard", job_commands.discard, "take a job out, or with --all every one that fits"),
    ):
        verb = _add(verbs, name, command, does)
        verb.add_argument("id", metavar="ID", nargs="?", help="also BACKEND:ID")
        verb.add_argument("--all", action="store_true", help="as a bulk action; needs --state")
        verb.add_argument("--rate", type=_rate, help="jobs per second at most")
        verb.add_argument("--yes", action="store_true", help="don't ask")
        _filter(verb)


def _add_queues(verbs: Any) -> None:
    _add(verbs, "queues", queue_commands.queues, "all queues")
    for name, command, does in (
        ("pause", queue_commands.pause, "begin nothing more of a queue"),
        ("resume", queue_commands.resume, "go on with a queue"),
    ):
        verb = _add(verbs, name, command, does)
        verb.add_argument("queue", metavar="QUEUE")
        _backend(verb)
    _add(verbs, "workers", queue_commands.workers, "the workers of the last hour")
    recurring = _add(verbs, "recurring", queue_commands.recurring, "recurring tasks; steer one of them")
    deeds = recurring.add_subparsers(metavar="DEED")
    for name, does in (
        ("run", "run it now, besides its times"),
        ("pause", "leave it alone until it is resumed"),
        ("resume", "let it run again"),
    ):
        deed = _add(deeds, name, queue_commands.steer_recurring, does)
        deed.add_argument("name", metavar="NAME")
        deed.set_defaults(deed=name)


def _add_bulk(verbs: Any) -> None:
    bulk = verbs.add_parser("bulk", help="actions on many jobs").add_subparsers(metavar="DEED", required=True)
    _page(_add(bulk, "list", bulk_commands.listed, "newest first"))
    for name, command, does in (
        ("show", bulk_commands.show, "how far one is"),
        ("cancel", bulk_commands.cancel, "end one after the batch in hand"),
    ):
        _add(bulk, name, command, does).add_argument("id", metavar="ID")
    audit = _add(verbs, "audit", audit_commands.audit, "who did what")
    audit.add_argument("--who", help="by this name")
    audit.add_argument("--action", help="such as job.retry, or job")
    audit.add_argument("--target", help="to this")
    _times(audit)
    _page(audit)


def _add_staff(verbs: Any) -> None:
    staff = verbs.add_parser("staff", help="accounts").add_subparsers(metavar="DEED", required=True)
    _add(staff, "list", staff_commands.accounts, "all accounts")
    added = _add(staff, "add", staff_commands.add, "a new account; asks for its password")
    added.add_argument("name", metavar="NAME")
    added.add_argument("--role", choices=ROLES, required=True)
    for name, command, does in (
        ("password", staff_commands.password, "a new password; asks for it"),
        ("disable", staff_commands.disable, "lets nobody in by this account any more"),
    ):
        _add(staff, name, command, does).add_argument("name", metavar="NAME")
    tokens = verbs.add_parser("tokens", help="API keys").add_subparsers(metavar="DEED", required=True)
    _add(tokens, "list", staff_commands.tokens, "all tokens")
    made = _add(tokens, "add", staff_commands.add_token, "a new token; shown once")
    made.add_argument("name", metavar="NAME")
    made.add_argument("--role", choices=ROLES, required=True)
    made.add_argument("--days", type=int, help="good for so long; without, until it is revoked")
    _add(tokens, "revoke", staff_commands.revoke_token, "end a token").add_argument("id", metavar="ID")


def _add(verbs: Any, name: str, command: Command, does: str) -> ArgumentParser:
    added: ArgumentParser = verbs.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
    added.add_argument("--json", action="store_true", help="for programs")
    added.set_defaults(command=command)
    return added


def _backend(verb: ArgumentParser) -> None:
    verb.add_argument("--backend", choices=get_args(BackendName), default="durable")


def _filter(verb: ArgumentParser) -> None:
    _backend(verb)
    verb.add_argument("--state", choices=STATES)
    for name, does in (
        ("queue", "of this queue"),
        ("actor", "of this actor"),
        ("text", "with this in the arguments"),
        ("error", "with this in the last failure"),
        ("group", "of this failure group"),
    ):
        verb.add_argument(f"--{name}", help=does)
    _times(verb)


def _times(verb: ArgumentParser) -> None:
    for name, does in (("since", "from this time on"), ("until", "before this time")):
        verb.add_argument(f"--{name}", type=_moment, metavar="TIME", help=f"{does}; 2026-01-31T12:00:00Z")


def _page(verb: ArgumentParser) -> None:
    verb.add_argument("--limit", type=int, choices=range(1, 101), default=50, metavar="1-100")
    verb.add_argument("--cursor", help="the page after this one's `more`")


def _moment(text: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    if given.tzinfo is None:
        raise ArgumentTypeError("a time needs its zone, such as 2026-01-31T12:00:00Z")
    return given


def _rate(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= RATE_MAX:
        raise ArgumentTypeError(f"from 1 to {RATE_MAX} jobs per second")
    return int(text)
