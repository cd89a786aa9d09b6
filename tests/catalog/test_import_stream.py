"""The stream of an import: its bytes, its doors, many lines, two at once, and a database that goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from ops.demo.export import export_lines
from ops.local.postgres import TemporaryPostgres
from services.catalog.app import service
from services.catalog.import_lines import LINE_BYTES_MAX
from services.catalog.import_shapes import ImportReport
from services.lifecycle import Lifecycle
from services.settings import ProcessSettings
from tests.catalog.conftest import IMPORT, NDJSON, SendLines, a_line, import_into, ndjson
from tests.conftest import ADMIN_KEY, in_process
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


async def test_blank_lines_count_and_any_line_end_will_do(catalog: httpx.AsyncClient) -> None:
    body = b"\xef\xbb\xbf" + ndjson(a_line("a")).strip() + b"\r\n\n  \n{oops\n" + ndjson(a_line("b")).strip()
    report = await import_into(catalog, body)
    assert (report.created, [error.line for error in report.errors]) == (2, [4])
    assert report.errors[0].message.startswith("This is not JSON")


@pytest.mark.parametrize("line", [b"[]", b"7", b'"x"', b"null", b"{}{}", b"\xff\xfe", b"[" * 100_000])
async def test_a_line_that_is_no_product_is_an_error_of_the_line(
    catalog: httpx.AsyncClient, line: bytes
) -> None:
    report = await import_into(catalog, line + b"\n" + ndjson(a_line("mug")))
    assert (report.created, [(error.line, error.field) for error in report.errors]) == (1, [(1, "")])


async def test_a_line_too_long_is_refused_without_being_held(catalog: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"slug": "'
        for _ in range(100):
            yield b"x" * 100_000
        yield b'"}\n' + ndjson(a_line("mug"))

    report = await import_into(catalog, body())
    assert (report.created, [(e.line, e.field) for e in report.errors]) == (1, [(1, "")])
    assert report.errors[0].message == f"is longer than {LINE_BYTES_MAX:,} bytes"


async def test_an_empty_body_imports_nothing(catalog: httpx.AsyncClient) -> None:
    report = await import_into(catalog, b"")
    assert (report.created, report.updated, report.unchanged, report.errors) == (0, 0, 0, [])


async def test_of_very_many_errors_the_rest_is_counted(catalog: httpx.AsyncClient) -> None:
    report = await import_into(catalog, b"{}\n" * 300)
    assert len(report.errors) == 1000
    assert len(report.errors) + report.errors_omitted == 300 * 8


@pytest.mark.parametrize("key", [None, "Bearer wrong", "Basic dGVzdA=="])
async def test_only_the_admin_imports(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, key: str | None
) -> None:
    headers = {"Content-Type": NDJSON} | ({} if key is None else {"Authorization": key})
    response = await catalog.post(IMPORT, content=ndjson(a_line("mug")), headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 0


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_another_content_type_is_refused(admin: httpx.AsyncClient, media_type: str) -> None:
    response = await admin.post(IMPORT, content=ndjson(a_line("mug")), headers={"Content-Type": media_type})
    assert response.status_code == 415
    assert response.json()["detail"] == f"Send {NDJSON}"


async def test_an_answer_seen_before_is_forgotten(
    database_url: str, environment: Callable[..., None]
) -> None:
    environment(DATABASE_URL=database_url, CACHE_MEMORY_SECONDS=60, CACHE_PRODUCT_SECONDS=60)
    async with in_process(service) as client:
        await import_into(client, ndjson(a_line("mug", title="Before")))
        for _ in range(3):  # the second goes to Redis
            assert (await client.get("/api/catalog/products/mug")).json()["title"] == "Before"
            assert (await client.get("/api/catalog/categories")).json()["items"] == []
        await import_into(client, ndjson(a_line("mug", title="After", categories=["mugs"])))
        assert (await client.get("/api/catalog/products/mug")).json()["title"] == "After"
        tree = (await client.get("/api/catalog/categories")).json()["items"]
        assert [category["slug"] for category in tree] == ["mugs"]


async def test_what_postgresql_refuses_is_an_error_of_its_line_alone(
    send: SendLines, owner: asyncpg.Connection
) -> None:
    await owner.execute("ALTER TABLE catalog.products ADD CHECK (title <> 'Cursed')")
    lines = [a_line(f"mug-{n}", title="Cursed" if n in (3, 40) else "Mug") for n in range(50)]
    report = await send(*lines)
    assert report.created == 48
    assert [(error.line, error.field) for error in report.errors] == [(4, ""), (41, "")]
    assert report.errors[0].message.startswith("can't be stored: ")


async def test_two_imports_at_once_end_as_one_after_the_other(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    async def one(title: str, *, backwards: bool) -> None:
        lines = [
            a_line(f"mug-{n}", title=f"{title} {n}", categories=[f"shelf/shelf-{n % 20}", f"top-{n % 7}"])
            for n in range(400)
        ]
        report = await import_into(catalog, ndjson(*(lines[::-1] if backwards else lines)))
        assert report.errors == []
        assert report.created + report.updated == 400

    await asyncio.gather(one("Red", backwards=False), one("Blue", backwards=True))
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 400
    assert await owner.fetchval("SELECT count(*) FROM catalog.categories") == 28


async def test_an_import_goes_through_while_availability_is_refreshed(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    """Whoever locks products waits for whoever locked them first: here the refresh did."""
    await send(*(a_line(f"mug-{n}") for n in range(5)))
    refresh = owner.transaction()
    await refresh.start()
    await owner.execute("SELECT FROM catalog.products ORDER BY id FOR NO KEY UPDATE")
    importing = asyncio.ensure_future(send(*(a_line(f"mug-{n}", title="New") for n in range(5))))

    async def waits() -> bool:
        assert not importing.done()
        return bool(await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    await wait_until_async(waits, "the import waits for a lock")
    await owner.execute("UPDATE catalog.variants SET available = 8, stock_version = 1")
    await refresh.commit()
    assert (await importing).updated == 5
    items = (await catalog.get("/api/catalog/products")).json()["items"]
    assert [(item["title"], item["availability"]) for item in items] == [("New", "in_stock")] * 5


async def test_a_database_that_goes_away_midway_leaves_what_was_stored_and_the_rest_can_be_sent_again(
    own_postgres: TemporaryPostgres, environment: Callable[..., None]
) -> None:
    environment(DATABASE_URL=own_postgres.url)
    lines = [a_line(f"mug-{n}") for n in range(600)]

    async def body() -> AsyncIterator[bytes]:
        yield ndjson(*lines[:300])
        own_postgres.stop()
        yield ndjson(*lines[300:])

    async with in_process(service) as client:
        headers = {"Content-Type": NDJSON, "Authorization": f"Bearer {ADMIN_KEY}"}
        gone = await client.post(IMPORT, content=body(), headers=headers)
        assert (gone.status_code, gone.json()["type"]) == (503, "/problems/database-unavailable")
        assert gone.json()["detail"] == "Everything before line 251 is done; send the whole again"
        assert gone.headers["retry-after"]
        own_postgres.start()
        answers: list[httpx.Response] = []

        async def taken() -> bool:
            answers.append(await client.post(IMPORT, content=ndjson(*lines), headers=headers))
            return answers[-1].status_code != 503

        await wait_until_async(taken, "the database is found again")
        report = msgspec.json.decode(answers[-1].content, type=ImportReport)
        assert (report.created, report.unchanged, report.errors) == (350, 250, [])


async def test_a_sender_who_hangs_up_leaves_no_half_line(
    database_url: str, environment: Callable[..., None], owner: asyncpg.Connection
) -> None:
    environment(DATABASE_URL=database_url)
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": ndjson(a_line("mug")) + b'{"slug": "half', "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)

    headers = [(b"content-type", NDJSON.encode()), (b"authorization", f"Bearer {ADMIN_KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": IMPORT, "headers": headers, "query_string": b""}
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    async with service.resources(settings, lifecycle) as resources:
        await service.app(settings, lifecycle, resources)(scope, receive, send)
    assert answered[0]["status"] == 400
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 0


async def test_the_demo_catalog_exported_and_imported_is_unchanged(demo: httpx.AsyncClient) -> None:
    report = await import_into(demo, b"".join(export_lines(1000, 2026, "EUR")))
    assert (report.created, report.updated, report.unchanged, report.errors) == (0, 0, 1000, [])
