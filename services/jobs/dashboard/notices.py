"""What a page says after a form was sent. The address carries a word and numbers only, so nobody can make
a page say what they like by a link."""

from __future__ import annotations

from typing import NamedTuple

from services.jobs.dashboard.words import plural, query


class Notice(NamedTuple):
    look: str  # `good` or `warning`
    text: str


_SAID = {
    "retry": "The job is back in its queue.",
    "discard": "The job will not run. It can still be retried.",
    "pause": "The queue is paused. What runs, ends.",
    "resume": "The queue goes on.",
    "run": "A run was started besides those of the clock.",
    "pause-task": "The task is paused.",
    "resume-task": "The task goes on with its next due time.",
    "bulk": "The bulk action has begun.",
    "cancel": "The bulk action ends after the batch in hand. What is done stays done.",
    "first": "The newest job of the group is retried first: see how it goes.",
}


def notice_of(did: str, done: int = 0, passed: int = 0) -> Notice | None:
    """For `?did=retry`, and `?did=picked-retry&done=3&passed=1`. Anything else says nothing."""
    if did in ("picked-retry", "picked-discard"):
        verb = "retried" if did == "picked-retry" else "discarded"
        text = f"{plural(done, 'job')} {verb}."
        if passed:
            left = "was" if passed == 1 else "were"
            text += f" {plural(passed, 'job')} had moved on to another state meanwhile and {left} left alone."
        return Notice("warning" if passed else "good", text)
    return Notice("good", _SAID[did]) if did in _SAID else None


def after(path: str, did: str, **numbers: int) -> str:
    """The address of a page that says what was done."""
    return path + query(did=did, **numbers)
