"""Who is let in when there are too many, and what the rest is told."""

import asyncio
from typing import Any

import pytest

from tests.house import House, enter, figure, opened, page, service_of
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


async def test_the_excess_is_told_to_come_again_and_an_order_is_still_taken() -> None:
    house, service = House(), service_of("full-house")
    async with opened(service, house) as client:
        inside = await enter(client, house, 3)
        refused = await client.get("/api/look")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
        assert refused.headers["retry-after"] in {"1", "2", "3"}
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        assert (await client.get("/api/carts/1/order")).status_code == 503, "by method, too"
        assert (await client.get("/nowhere")).status_code == 503
        inside += await enter(client, house, 1, "/api/carts/1/order")
        assert (await client.post("/api/carts/2/order")).status_code == 503
        assert figure("requests_at_work", service="full-house") == 4
        assert figure("requests_shed_total", service="full-house", reason="full") == 4
        shed = {"route": "/api/carts/{id}/order", "method": "POST", "status": "503"}
        assert figure("http_requests_total", service="full-house", **shed) == 1, "seen as an order"
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
        assert figure("requests_at_work", service="full-house") == 0
        assert (await client.get("/api/look")).status_code == 200


async def test_who_comes_a_moment_too_early_waits_for_a_place() -> None:
    house = House()
    patience = {"CONCURRENCY_WAITING_MAX": "4", "CONCURRENCY_WAIT_SECONDS": "30"}
    async with opened(service_of("patient-house"), house, **patience) as client:
        inside = await enter(client, house, 3)
        late = asyncio.create_task(client.get("/api/look"))

        async def one_waits() -> bool:
            return figure("requests_waiting", service="patient-house") == 1

        await wait_until_async(one_waits, "the fourth waits")
        house.door.set()
        assert (await late).status_code == 200
        await asyncio.gather(*inside)


async def test_nobody_waits_longer_than_the_settings_say() -> None:
    house = House()
    patience = {"CONCURRENCY_WAITING_MAX": "4", "CONCURRENCY_WAIT_SECONDS": "0.01"}
    async with opened(service_of("brisk-house"), house, **patience) as client:
        inside = await enter(client, house, 3)
        assert (await client.get("/api/look")).status_code == 503
        assert figure("requests_shed_total", service="brisk-house", reason="waited") == 1
        house.door.set()
        await asyncio.gather(*inside)


async def test_what_lasts_takes_no_place_and_needs_none() -> None:
    house = House()
    async with opened(service_of("open-house"), house) as client:
        inside = await enter(client, house, 10, "/api/stream")
        assert figure("requests_at_work", service="open-house") == 0
        inside += await enter(client, house, 3)
        inside += await enter(client, house, 1, "/api/stream")
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
    assert house.deadlines[:10] == [None] * 10, "a stream ends when it ends"


async def test_a_service_that_admits_all_has_no_places() -> None:
    house = House()
    async with opened(service_of("public-house", admits_all=True), house) as client:
        inside = await enter(client, house, 40)
        house.door.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}


async def test_a_person_is_told_by_a_page_behind_the_services_own_middleware() -> None:
    class Mark:
        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def marked(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-mark", b"1")]
                await send(message)

            await self._app(scope, receive, marked)

    house = House()
    service = service_of("shop-front", error_page=page, middleware=(Mark,))
    async with opened(service, house) as client:
        inside = await enter(client, house, 3)
        refused = await client.get("/api/look")
        assert (refused.status_code, refused.text) == (503, "<h1>The shop is too busy right now</h1>")
        assert refused.headers["retry-after"] in {"1", "2", "3"}
        assert refused.headers["x-mark"] == "1"
        house.door.set()
        assert {answer.headers["x-mark"] for answer in await asyncio.gather(*inside)} == {"1"}


async def test_only_the_inner_door_may_ask_for_a_reserved_place_or_set_a_deadline() -> None:
    house = House()
    house.door.set()
    asks = {"X-Reserved": "1", "X-Deadline-Ms": "60000"}
    async with opened(service_of("two-doors"), house, REQUEST_DEADLINE_SECONDS="600") as client:
        for entry in ("public", "internal"):
            await client.get("/api/look", headers={**asks, "X-Entry": entry})
        await client.get("/api/look", headers={"X-Entry": "internal"})
    assert house.reserved == [False, True, False]
    public, internal, unhurried = house.deadlines
    assert public is not None
    assert internal is not None
    assert 0 < internal <= 60 < public <= 600
    assert unhurried is None


async def test_on_behalf_of_an_order_a_reserved_place_is_given() -> None:
    house = House()
    async with opened(service_of("back-office"), house) as client:
        inside = await enter(client, house, 3)
        asked = {"X-Entry": "internal", "X-Reserved": "1"}
        behalf = asyncio.create_task(client.get("/api/look", headers=asked))

        async def is_inside() -> bool:
            return house.inside == 4

        await wait_until_async(is_inside, "it is let in")
        house.door.set()
        await asyncio.gather(*inside, behalf)


async def test_whose_time_is_over_is_not_let_in() -> None:
    house = House()
    house.door.set()
    async with opened(service_of("late-house"), house) as client:
        late = await client.get("/api/look", headers={"X-Entry": "internal", "X-Deadline-Ms": "0"})
    assert (late.status_code, house.inside) == (503, 0)
    assert figure("requests_shed_total", service="late-house", reason="deadline") == 1
