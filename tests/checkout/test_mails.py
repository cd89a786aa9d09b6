"""Letters to shoppers by a real mail server: each once, none lost, none that lies."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
import pytest
from databases import Database

from services.checkout.mail.letters import Letters
from services.checkout.mail.mailer import Mailer, MailUnavailable
from services.checkout.mail.mails import MailHeld, send_receipt, send_refunded, send_shipped
from services.checkout.outside_calls import OutsideCalls
from services.errors import Conflict, NotFound, Unavailable
from services.settings import MailSettings
from tests.checkout.order_rows import ADDRESS, OrderRow, insert_order
from tests.sandbox import RunningSandbox, running_sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def mailbox() -> AsyncIterator[RunningSandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Post:
    """What the mail actors work with."""

    database: Database
    settings: MailSettings
    mailbox: RunningSandbox

    def mailer(self, **changes: Any) -> Mailer:
        return Mailer(msgspec.structs.replace(self.settings, **changes), OutsideCalls(self.database))

    def letters(self, store_name: str = "Größe & Söhne") -> Letters:
        return Letters(self.settings, store_name, "https://shop.example/")

    async def receipt(self, order: OrderRow, **changes: Any) -> None:
        await send_receipt(self.database, self.mailer(**changes), self.letters(), order.id)

    async def shipped(self, fulfilment_id: uuid.UUID) -> None:
        await send_shipped(self.database, self.mailer(), self.letters(), fulfilment_id)

    async def refunded(self, refund_id: uuid.UUID) -> None:
        await send_refunded(self.database, self.mailer(), self.letters(), refund_id)

    async def sent_to(self, email: str) -> list[dict[str, Any]]:
        return await self.mailbox.messages(to=email)


@pytest.fixture
async def post(database: Database, mailbox: RunningSandbox) -> Post:
    settings = MailSettings(
        ses_host="127.0.0.1",
        ses_port=mailbox.smtp_port,
        ses_security="none",
        ses_sender="Größe & Söhne <orders@kiosk.example>",
        ses_timeout_seconds=20,
    )
    await mailbox.clear_faults()
    return Post(database, settings, mailbox)


@pytest.fixture
def email() -> str:
    """An address of this test's own: the mailbox is shared."""
    return f"ada-{uuid.uuid4().hex[:10]}@example.com"


async def _mail_row(owner: asyncpg.Connection) -> asyncpg.Record:
    row = await owner.fetchrow("SELECT * FROM checkout.mails")
    assert row is not None
    return row


async def _calls(owner: asyncpg.Connection) -> tuple[int, str | None]:
    row = await owner.fetchrow("SELECT failures, error FROM checkout.outside_calls WHERE name = 'mail'")
    assert row is not None
    return row["failures"], row["error"]


async def _parcel(owner: asyncpg.Connection, order: OrderRow, position: int, **lines: int) -> uuid.UUID:
    parcel_id, content = uuid.uuid4(), [{"sku": sku, "quantity": n} for sku, n in lines.items()]
    await owner.execute(
        """INSERT INTO checkout.fulfilments
             (id, order_id, position, lines, carrier, tracking_number, tracking_url)
           VALUES ($1, $2, $3, $4, 'DHL', '0034', 'https://track.example/?a=1&b=2')""",
        parcel_id,
        order.id,
        position,
        json.dumps(content),
    )
    return parcel_id


async def _refund(
    owner: asyncpg.Connection, order: OrderRow, amount_minor: int, state: str = "succeeded"
) -> uuid.UUID:
    refund_id = uuid.uuid4()
    await owner.execute(
        """INSERT INTO checkout.refunds (id, order_id, amount_minor, state, settled_at)
           VALUES ($1, $2, $3, $4, CASE $4 WHEN 'pending' THEN NULL ELSE clock_timestamp() END)""",
        refund_id,
        order.id,
        amount_minor,
        state,
    )
    return refund_id


async def test_a_receipt_tells_everything_in_text_and_html(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, {"LAMP": 2, "MUG": 1}, email=email, discount_minor=300)
    await post.receipt(order)
    [mail] = await post.sent_to(email)
    assert mail["subject"] == f"Größe & Söhne: Your order {order.number}"
    assert mail["to"] == [email]
    told = [
        "Größe & Söhne",
        order.number,
        "Seat height: 45 cm",
        "€10.00 each",
        "€20.00",
        "€30.00",
        "Discount SUMMER",
        "-€3.00",
        "Shipping (Standard)",
        "€4.90",
        "19 % tax",
        "€5.09",
        "€31.90",
        "Ada Lovelace",
        "50667 Köln",
        f"https://shop.example/orders/{order.token}",
    ]
    assert [words for words in told if words not in mail["text"]] == []
    html = mail["html"].replace("&amp;", "&")
    assert [words for words in told if words not in html] == []
    assert "LAMP <of> brass" in mail["text"]
    assert "LAMP &lt;of&gt; brass" in mail["html"]
    assert "<of>" not in mail["html"]


async def test_headers_say_who_wrote_and_that_a_machine_did(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    await post.receipt(order)
    [mail] = await post.sent_to(email)
    headers = {name.lower(): value for name, value in dict(mail["headers"]).items()}
    assert headers["auto-submitted"] == "auto-generated"
    assert headers["message-id"] == f"<receipt.{order.id}@kiosk.example>"
    assert "orders@kiosk.example" in headers["from"]
    assert headers["date"].endswith("+0000")
    assert headers["content-type"].startswith("multipart/alternative")


async def test_what_a_shopper_typed_can_not_add_lines_or_headers(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    name = "Ada\r\nBcc: eve@example.com\r\n\r\nTotal €0.00<script>alert(1)</script>"
    order = await insert_order(owner, email=email, address={**ADDRESS, "name": name})
    await post.receipt(order)
    [mail] = await post.sent_to(email)
    assert mail["to"] == [email]
    assert "bcc" not in {name.lower() for name in dict(mail["headers"])}
    assert not [line for line in mail["text"].splitlines() if line.lstrip().startswith(("Bcc", "Total €0"))]
    assert "<script>" not in mail["html"]


@pytest.mark.parametrize(
    "strange",
    ["a@b\r\nBcc: eve@example.com", "a@-ö.example", "@example.com"],
)
async def test_an_address_that_is_none_is_refused_for_good(
    post: Post, owner: asyncpg.Connection, strange: str
) -> None:
    order = await insert_order(owner, email=strange)
    with pytest.raises(Conflict):
        await post.receipt(order)
    row = await _mail_row(owner)
    assert row["sent_at"] is None
    assert row["error"].startswith("MailRefused: ")


async def test_a_mail_is_sent_once_however_often_it_is_asked_for(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    for _ in range(3):
        await post.receipt(order)
    assert len(await post.sent_to(email)) == 1
    row = await _mail_row(owner)
    assert (row["kind"], row["about"], row["error"]) == ("receipt", order.id, None)
    assert row["sent_at"] is not None


async def test_10_at_once_send_one(post: Post, owner: asyncpg.Connection, email: str) -> None:
    order = await insert_order(owner, email=email)
    results = await asyncio.gather(*(post.receipt(order) for _ in range(10)), return_exceptions=True)
    assert None in results
    # Held by another, or no connection to be had on a busy machine: the job would come again.
    assert all(result is None or isinstance(result, Unavailable) for result in results), results
    assert len(await post.sent_to(email)) == 1


async def test_a_mail_that_another_holds_is_left_to_it_until_the_hold_ends(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    await owner.execute(
        """INSERT INTO checkout.mails (order_id, kind, about, message_id, held_until)
           VALUES ($1, 'receipt', $1, '<first@kiosk.example>', now() + interval '1 minute')""",
        order.id,
    )
    with pytest.raises(MailHeld):
        await post.receipt(order)
    assert await post.sent_to(email) == []
    await owner.execute("UPDATE checkout.mails SET held_until = now()")
    await post.receipt(order)
    [mail] = await post.sent_to(email)
    assert "<first@kiosk.example>" in json.dumps(mail["headers"])


async def test_not_now_is_tried_again_under_the_same_message_id(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    await post.mailbox.set_mail_fault("refuse", times=2)
    for _ in range(2):
        with pytest.raises(MailUnavailable, match="451"):
            await post.receipt(order)
        row = await _mail_row(owner)
        assert row["sent_at"] is None
        assert "451" in row["error"]
    assert (await _calls(owner))[0] == 2
    await post.receipt(order)
    assert len(await post.sent_to(email)) == 1
    assert (await _calls(owner))[0] == 0
    assert (await _mail_row(owner))["message_id"] == row["message_id"]


async def test_a_lost_yes_sends_a_second_mail_that_shows_as_the_same(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    await post.mailbox.set_mail_fault("lost_reply")
    with pytest.raises(MailUnavailable):
        await post.receipt(order)
    await post.receipt(order)
    ids = {dict(mail["headers"])["Message-ID"] for mail in await post.sent_to(email)}
    assert (len(await post.sent_to(email)), len(ids)) == (2, 1)


async def test_a_server_that_hangs_is_given_up_in_time(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    await post.mailbox.set_mail_fault("hang")
    async with asyncio.timeout(15):
        with pytest.raises(MailUnavailable):
            await post.receipt(order, ses_timeout_seconds=2)
    assert (await _calls(owner))[1] in {"TimeoutError", "SMTPReadTimeoutError"}
    await post.mailbox.clear_faults()
    await post.receipt(order)
    assert len(await post.sent_to(email)) == 1


async def test_a_server_that_is_away_is_tried_again(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)
    with pytest.raises(MailUnavailable):
        await post.receipt(order, ses_port=1)
    assert await _calls(owner) == (1, "SMTPConnectError")
    await post.receipt(order)
    assert len(await post.sent_to(email)) == 1


async def test_a_parcel_tells_what_is_in_it_and_what_is_still_to_come(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, {"LAMP": 2, "MUG": 1}, email=email)
    first = await _parcel(owner, order, 1, LAMP=1)
    second = await _parcel(owner, order, 2, LAMP=1, MUG=1)  # left before the first mail went
    await post.shipped(first)
    await post.shipped(second)
    last, early = await post.sent_to(email)
    assert early["subject"] == f"Größe & Söhne: Your order {order.number} is on its way"
    sent, to_come = early["text"].split("Still to come")
    assert "1 x LAMP" in sent.split("In this parcel")[1]
    assert "MUG" not in sent
    assert "1 x LAMP" in to_come
    assert "1 x MUG" in to_come
    assert "Still to come" not in last["text"] + last["html"]
    assert "https://track.example/?a=1&b=2" in early["text"]
    assert 'href="https://track.example/?a=1&amp;b=2"' in early["html"]
    assert "DHL" in early["html"]


async def test_a_refund_tells_its_amount_and_what_is_left(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email)  # 34.90
    first = await _refund(owner, order, 1000)
    await _refund(owner, order, 700, "failed")
    second = await _refund(owner, order, 2490)
    await post.refunded(first)
    await post.refunded(second)
    last, early = await post.sent_to(email)
    assert early["subject"] == f"Größe & Söhne: Your refund for order {order.number}"
    assert ["€10.00" in early["text"], "€24.90" in early["text"]] == [True, True]
    assert ["€24.90" in last["html"], "€0.00" in last["html"]] == [True, True]
    assert "after the order had ended" not in last["text"]


async def test_money_that_came_too_late_is_explained(
    post: Post, owner: asyncpg.Connection, email: str
) -> None:
    order = await insert_order(owner, email=email, status="refund_due")
    await owner.execute("UPDATE checkout.orders SET paid_at = NULL")
    await post.refunded(await _refund(owner, order, order.total_minor))
    [mail] = await post.sent_to(email)
    assert "after the order had ended" in mail["text"]
    assert "after the order had ended" in mail["html"]


async def test_nothing_is_told_that_is_not_so(post: Post, owner: asyncpg.Connection, email: str) -> None:
    unpaid = await insert_order(owner, email=email, status="pending_payment")
    pending = await _refund(owner, await insert_order(owner, email=email), 100, "pending")
    with pytest.raises(Conflict):
        await post.receipt(unpaid)
    with pytest.raises(Conflict):
        await post.refunded(pending)
    with pytest.raises(NotFound):
        await post.shipped(uuid.uuid4())
    assert await post.sent_to(email) == []
    assert await owner.fetchval("SELECT count(*) FROM checkout.mails") == 0
