"""Mails that were caught: kept as they came, parsed when somebody looks."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec

from ops.sandbox.store import Row, Store, from_json, to_json
from services.queries import load_queries

_SQL = load_queries(__file__, "messages.sql")
KEPT = 1000


class Message(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """`to` are the addresses that the SMTP envelope named. A header given twice has both values, each
    on a line."""

    id: int
    sender: str
    to: list[str]
    subject: str
    received_at: datetime
    text: str | None
    html: str | None
    headers: dict[str, str]


def keep(store: Store, sender: str, recipients: list[str], raw: bytes) -> None:
    with store.transaction():
        store.run(
            _SQL["add_message"],
            received_at=time.time(),
            sender=sender,
            recipients=to_json(recipients),
            subject=_header(_parsed(raw), "subject"),
            raw=raw,
        )
        store.run(_SQL["forget_old_messages"], kept=KEPT)


def newest(
    store: Store, to: str | None = None, subject: str | None = None, limit: int = 100
) -> list[Message]:
    rows = store.all(_SQL["list_messages"], recipient=to, subject=subject, limit=limit)
    return [_message(row) for row in rows]


def one(store: Store, number: int) -> Message | None:
    row = store.one(_SQL["message"], id=number)
    return None if row is None else _message(row)


def delete_all(store: Store) -> None:
    store.run(_SQL["delete_messages"])


def _message(row: Row) -> Message:
    parsed = _parsed(row["raw"])
    headers: dict[str, list[str]] = {}
    for name, value in parsed.raw_items():
        headers.setdefault(name, []).append(_decoded(name, value))
    return Message(
        id=row["id"],
        sender=_header(parsed, "from") or row["sender"],
        to=from_json(row["recipients"]),
        subject=row["subject"],
        received_at=datetime.fromtimestamp(row["received_at"], UTC),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        headers={name: "\n".join(values) for name, values in headers.items()},
    )


def _parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _header(parsed: EmailMessage, name: str) -> str:
    """The first of this name; empty when there is none."""
    given = ((key, value) for key, value in parsed.raw_items() if key.lower() == name)
    return next((_decoded(key, value) for key, value in given), "")


def _decoded(name: str, value: str) -> str:
    """As text. A few malformed headers are more than Python's parser can bear: they stay as they came."""
    try:
        return _readable(policy.default.header_fetch_parse(name, value))
    except (IndexError, ValueError, AttributeError):
        return _readable(value)


def _readable(value: object) -> str:
    """Bytes that are no text in the charset they claim to be (surrogates in Python) as question marks."""
    return str(value).encode(errors="replace").decode()


def _body(parsed: EmailMessage, kind: str) -> str | None:
    """The part of this kind, decoded; None when there is none or its charset is unknown."""
    part = parsed.get_body((kind,))
    if part is None:
        return None
    try:
        return _readable(part.get_content()).replace("\r\n", "\n")
    except (LookupError, KeyError):
        return None
