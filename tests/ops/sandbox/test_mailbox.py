"""Mail goes in by SMTP and comes out as pages and JSON."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.sandbox import RunningSandbox

HTML = (
    '<html><head><title>x</title></head><body><p>Tee für <a href="http://shop/o">dich</a></p></body></html>'
)


def mail(subject: str = "Your order K-1 — paid", to: str = "ada@example.com", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Kiosk <orders@kiosk.example>"
    message["To"] = to
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Tea for you: 19.99 €\n")
    message.add_alternative(HTML, subtype="html")
    return message


def send(sandbox: RunningSandbox, message: EmailMessage, *, seconds: float = 10, login: bool = False) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=seconds) as line:
        if login:
            line.login("anyone", "anything")
        line.send_message(message)


@pytest.fixture(autouse=True)
async def _empty(sandbox: RunningSandbox) -> None:
    await sandbox.delete_messages()


def page(sandbox: RunningSandbox, path: str) -> httpx.Response:
    return httpx.get(f"{sandbox.root_url}/mailbox{path}", trust_env=False)


async def test_a_mail_is_caught_and_read(sandbox: RunningSandbox) -> None:
    send(sandbox, mail(X_Order="K-1"))
    [caught] = await sandbox.messages()
    assert caught["from"] == "Kiosk <orders@kiosk.example>"
    assert (caught["to"], caught["subject"]) == (["ada@example.com"], "Your order K-1 — paid")
    assert caught["text"] == "Tea for you: 19.99 €\n"
    assert "Tee für" in caught["html"]
    assert caught["headers"]["X-Order"] == "K-1"
    assert caught["received_at"].endswith("Z")


async def test_any_login_will_do(sandbox: RunningSandbox) -> None:
    send(sandbox, mail(), login=True)
    assert len(await sandbox.messages()) == 1


async def test_mails_are_found_by_address_and_subject_newest_first(sandbox: RunningSandbox) -> None:
    for number in range(3):
        send(sandbox, mail(f"Order K-{number}"))
    send(sandbox, mail("Order K-9", to="bob@example.com, carol@example.com"))

    async def subjects(**parameters: str | int) -> list[str]:
        return [found["subject"] for found in await sandbox.messages(**parameters)]

    assert await subjects(to="ADA@example.com") == ["Order K-2", "Order K-1", "Order K-0"]
    assert await subjects(to="carol@example.com") == ["Order K-9"]
    assert await subjects(subject="k-1") == ["Order K-1"]
    assert await subjects(limit=2) == ["Order K-9", "Order K-2"]
    assert await subjects(to="nobody@example.com") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "colour=red"])
async def test_a_wrong_search_is_refused(sandbox: RunningSandbox, query: str) -> None:
    assert page(sandbox, f"/api/messages?{query}").status_code == 422


async def test_pages_show_the_mails_and_escape_what_is_in_them(sandbox: RunningSandbox) -> None:
    send(sandbox, mail("<script>alert(1)</script>"))
    [caught] = await sandbox.messages()
    for path in ("", f"/messages/{caught['id']}"):
        shown = page(sandbox, path)
        assert shown.status_code == 200
        assert "&lt;script&gt;alert(1)" in shown.text
        assert "<script" not in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]


async def test_a_mails_markup_is_locked_in_a_frame(sandbox: RunningSandbox) -> None:
    send(sandbox, mail())
    [caught] = await sandbox.messages()
    around = page(sandbox, f"/messages/{caught['id']}").text
    assert f'src="/mailbox/messages/{caught["id"]}/html"' in around
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in around
    inside = page(sandbox, f"/messages/{caught['id']}/html")
    assert '<head><base target="_blank">' in inside.text
    policy = inside.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


async def test_a_mail_without_html_or_unknown_has_no_such_page(sandbox: RunningSandbox) -> None:
    plain = EmailMessage()
    plain["From"], plain["To"] = "a@example.com", "b@example.com"
    plain.set_content("only words")
    send(sandbox, plain)
    [caught] = await sandbox.messages()
    assert (caught["html"], caught["subject"]) == (None, "")
    assert page(sandbox, f"/messages/{caught['id']}").status_code == 200
    assert page(sandbox, f"/messages/{caught['id']}/html").status_code == 404
    assert page(sandbox, "/messages/999999").status_code == 404


RAW = [
    b"no headers at all, and no colon",
    b"Subject: =?utf-8?b?not base64?=\r\nContent-Type: text/html; charset=klingon\r\n\r\n\xff\xfe",
    b"Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nbroken",
    b"From: \xff\xfe<\r\nSubject: \xe4\r\n\r\n\x00",
]


@pytest.mark.parametrize("raw", RAW)
async def test_a_broken_mail_is_caught_and_shown_all_the_same(sandbox: RunningSandbox, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=10) as line:
        line.sendmail("a@example.com", ["b@example.com"], raw)
    [caught] = await sandbox.messages()
    assert page(sandbox, f"/messages/{caught['id']}").status_code == 200


async def test_a_refused_mail_may_be_sent_again(sandbox: RunningSandbox) -> None:
    await sandbox.set_mail_fault("refuse", times=2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(sandbox, mail())
        assert refused.value.smtp_code == 451
    assert await sandbox.messages() == []
    send(sandbox, mail())
    assert len(await sandbox.messages()) == 1


async def test_a_mailbox_that_hangs_keeps_nothing(sandbox: RunningSandbox) -> None:
    await sandbox.set_mail_fault("hang")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(sandbox, mail(), seconds=3)
    assert await sandbox.messages() == []
    send(sandbox, mail())


async def test_a_lost_reply_keeps_the_mail(sandbox: RunningSandbox) -> None:
    await sandbox.set_mail_fault("lost_reply")
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(sandbox, mail())
    assert len(await sandbox.messages()) == 1


@pytest.mark.parametrize("fault", [{"mode": "explode"}, {"mode": "hang", "times": 0}, {}, []])
async def test_a_fault_that_cannot_be_played_is_refused(sandbox: RunningSandbox, fault: Any) -> None:
    answer = httpx.post(f"{sandbox.root_url}/mailbox/faults", json=fault, trust_env=False)
    assert answer.status_code == 422


async def test_only_the_newest_thousand_are_kept(own_sandbox: RunningSandbox) -> None:
    with smtplib.SMTP("127.0.0.1", own_sandbox.smtp_port, timeout=10) as line:
        for number in range(1003):
            line.sendmail("a@example.com", ["b@example.com"], f"Subject: {number}\r\n\r\n")
    kept = [message["subject"] for message in await own_sandbox.messages(limit=1000)]
    assert (len(kept), kept[0], kept[-1]) == (1000, "1002", "3")
    own_sandbox.restart()
    assert len(await own_sandbox.messages(limit=1000)) == 1000
