"""Whatever a job, an error or an address carries, it is text in the page."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import msgspec
import pytest

from services.jobs.failures import fingerprint_of
from tests.jobs.conftest import Owner
from tests.jobs.dashboard.rows import add_attempt, add_group, add_job, add_worker
from tests.jobs.staff.conftest import Browser

CORPUS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea></pre></code><iframe src=javascript:alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7}<!--",
    "]]><x onclick=alert(1)>",
    "\u202e\u2066<b>turned</b>",
    "&lt;script&gt;&amp;",
    "<style>*{display:none}</style>",
]
ALL = "\n".join(CORPUS)


class _Elements(HTMLParser):
    """What a browser would make of a page: elements and attributes that no template of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in {"img", "iframe", "style", "x"} or (
            tag == "script" and "/jobs/assets/" not in (names.get("src") or "")
        ):
            self.foreign.append(tag)
        for name, value in attrs:
            if (
                name.startswith("on")
                or name == "style"
                or ((value or "").strip().startswith("javascript:") and name in {"href", "src", "action"})
            ):
                self.foreign.append(f"{tag}[{name}]")


def foreign(text: str) -> list[str]:
    elements = _Elements()
    elements.feed(text)
    return elements.foreign


def test_the_search_for_foreign_elements_finds_them() -> None:
    assert foreign("<img src=x onerror=alert(1)>") == ["img", "img[onerror]"]


async def test_arguments_errors_and_names_stay_text_on_every_page(owner: Owner, operator: Browser) -> None:
    worker = await add_worker(owner, "durable", 1, host=CORPUS[1], release=CORPUS[0], queues=[CORPUS[2]])
    frame = f"services/{CORPUS[0]}"
    fingerprint = fingerprint_of("durable", CORPUS[1], frame)
    job_id = await add_job(
        owner, "checkout.sweep", "dead", args=msgspec.json.encode([CORPUS, {CORPUS[0]: CORPUS[1]}]).decode(),
        queue=CORPUS[1], error_class=CORPUS[1], error_message=ALL, request_id=CORPUS[1],
        traceparent=CORPUS[2], concurrency_key=CORPUS[0], unique_key=CORPUS[1],
        fingerprint=fingerprint, worker_id=worker,
    )  # fmt: skip
    await owner.execute("INSERT INTO jobs.queues (backend, name) VALUES ('durable', $1)", CORPUS[1])
    begun = await owner.fetchval("SELECT now()")
    traced = f'Traceback\n  File "{CORPUS[4]}", line 3, in {CORPUS[0]}\n    {CORPUS[1]}\n{ALL}'
    await add_attempt(
        owner, job_id, 1, worker, release=CORPUS[1], outcome="failed", started_at=begun, finished_at=begun,
        error_class=CORPUS[1], error_message=ALL, traceback=traced,
    )  # fmt: skip
    await add_group(owner, ("checkout.sweep", CORPUS[1], "", frame, ALL, 1), 1)
    for path in (
        "/jobs", "/jobs/list?state=dead", f"/jobs/durable/{job_id}", "/jobs/failures", "/jobs/queues",
        "/jobs/workers", f"/jobs/failures/durable/{fingerprint}",
        f"/jobs/bulk/preview?verb=retry&state=dead&queue={quote(CORPUS[1])}",
    ):  # fmt: skip
        page = await operator.get(path)
        assert page.status_code == 200, path
        assert foreign(page.text) == [], path
    shown = await operator.get(f"/jobs/durable/{job_id}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text
    assert "{{ 7 * 7 }}" in shown.text


@pytest.mark.parametrize("hostile", CORPUS)
async def test_what_stands_in_an_address_stays_text(operator: Browser, hostile: str) -> None:
    value = quote(hostile)
    fields = "&".join(
        f"{name}={value}" for name in ("queue", "actor", "text", "error", "since", "until", "group", "did")
    )
    for path in (
        f"/jobs/list?state=dead&{fields}",
        f"/jobs?span={value}",
        f"/jobs/bulk/preview?verb=retry&state=dead&text={value}",
    ):
        page = await operator.get(path)
        assert page.status_code == 200, path
        assert foreign(page.text) == [], path
    missing = await operator.get(f"/jobs/durable/{quote(hostile, safe='')}")
    assert missing.status_code == 404
    assert foreign(missing.text) == []
