"""What one begins and others wait for has its own time, and the ids of who began it."""

import asyncio
import time

import pytest

from services.request_context import RequestContext, current_request
from services.shared_work import shared_work

pytestmark = pytest.mark.anyio


async def _its_request() -> RequestContext | None:
    request = current_request.get()
    if request is not None:
        request.incomplete = True
        request.note_stale(5.0)
    return request


async def _begun_by(request: RequestContext) -> RequestContext:
    async def begin() -> RequestContext | None:
        current_request.set(request)
        return await shared_work(_its_request())

    begun = await asyncio.create_task(begin())
    assert begun is not None
    return begun


async def test_it_has_time_enough_however_little_who_began_it_has() -> None:
    assert not (await _begun_by(RequestContext("hurried", deadline=time.monotonic()))).has_gone
    later = time.monotonic() + 60
    assert (await _begun_by(RequestContext("patient", deadline=later))).deadline == later
    assert (await _begun_by(RequestContext("endless"))).deadline is None


async def test_it_carries_the_ids_of_who_began_it_and_what_that_one_spent() -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    request = RequestContext("id-of-one", traceparent=traceparent, reserved=True, redis_seconds_spent=0.1)
    begun = await _begun_by(request)
    assert (begun.request_id, begun.trace_id) == ("id-of-one", "a" * 32)
    assert (begun.reserved, begun.redis_seconds_spent) == (True, 0.1)


async def test_what_it_notes_is_about_itself() -> None:
    request = RequestContext("id", stale_seconds=9.0)
    begun = await _begun_by(request)
    assert (begun.incomplete, begun.stale_seconds) == (True, 5.0)
    assert (request.incomplete, request.stale_seconds) == (False, 9.0)


async def test_outside_a_request_there_is_none() -> None:
    assert await shared_work(_its_request()) is None
