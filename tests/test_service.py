"""Loops beside a service."""

import asyncio

import pytest

from services.service import background

pytestmark = pytest.mark.anyio


async def test_a_loop_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    async with asyncio.timeout(30), background(stubborn):
        await asyncio.sleep(0)
    assert swallowed == 3


async def test_a_loop_that_dies_takes_the_service_with_it() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        async with background(broken):
            await asyncio.Event().wait()
