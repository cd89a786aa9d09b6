"""The page of plain words after a deploy that failed: what, why, what state everything is in, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.console import bold, say
from ops.deploy.causes import cause_of
from ops.deploy.evidence import Evidence

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """`where` is the step or service, `why` what was seen, `state` what runs now, `next_command` what to
    type. `evidence` is of the services concerned; `log` the lines of a one-shot task."""

    where: str
    why: str
    state: str
    next_command: str
    evidence: tuple[Evidence, ...] = ()
    log: tuple[str, ...] = ()


def card(failure: Failure, redact: Callable[[str], str]) -> str:
    """The whole card; `redact` takes every secret out."""
    text = "\n".join([failure.why, *failure.log, *(one.text for one in failure.evidence)])
    told = next((one for one in failure.evidence if one.exit_code or one.out_of_memory), None)
    cause = cause_of(
        text,
        health="\n".join(line for one in failure.evidence for line in one.health),
        exit_code=told.exit_code if told else None,
        out_of_memory=any(one.out_of_memory for one in failure.evidence),
    )
    rows = [("What failed", failure.where), ("What happened", failure.why)]
    rows += [("Likely cause", cause.likely), ("What to do", cause.remedy)]
    rows += [("What runs now", failure.state), ("Next", failure.next_command)]
    lines = ["", _rule("The deploy failed"), *(f"  {label + ':':<15}{words}" for label, words in rows)]
    if failure.log:
        lines += ["", _rule("what was seen"), *(f"  {line}" for line in failure.log[-30:])]
    for one in failure.evidence:
        lines += _of_service(one)
    return redact("\n".join([*lines, _rule("")]))


def print_card(failure: Failure, redact: Callable[[str], str]) -> None:
    head, _, rest = card(failure, redact).lstrip("\n").partition("\n")
    say()
    say(bold(head))
    say(rest)


def _of_service(evidence: Evidence) -> list[str]:
    lines = ["", _rule(f"{evidence.service}: tasks"), *(f"  {task}" for task in evidence.tasks)]
    lines += ["  killed for want of memory"] if evidence.out_of_memory else []
    if evidence.health:
        lines += [_rule(f"{evidence.service}: last health checks"), *(f"  {one}" for one in evidence.health)]
    lines += [_rule(f"{evidence.service}: last {len(evidence.log)} log lines")]
    return lines + [f"  {line}" for line in evidence.log]


def _rule(title: str) -> str:
    return f"--- {title} ".ljust(_WIDTH, "-") if title else "-" * _WIDTH
