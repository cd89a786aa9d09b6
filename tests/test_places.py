"""Bounded concurrency: who gets a place, who waits, who is turned away."""

import asyncio

import pytest

from services.places import NoPlace, Places, Rank

pytestmark = pytest.mark.anyio

PATIENT = 30.0


def _places(size: int = 4, share: float = 0.25, waiting_max: int = 2) -> Places:
    return Places(size, reserved_share=share, waiting_max=waiting_max)


async def _in_line(places: Places, rank: Rank, wait_seconds: float = PATIENT) -> "asyncio.Task[None]":
    """Somebody who waits."""
    task = asyncio.create_task(places.take(rank, wait_seconds))
    await asyncio.sleep(0)
    return task


async def _fill(places: Places, *ranks: Rank) -> None:
    for rank in ranks:
        await places.take(rank, 0)


async def test_ordinary_ones_leave_the_reserved_share_free() -> None:
    places = _places()
    await _fill(places, Rank.PUBLIC, Rank.INTERNAL, Rank.PUBLIC)
    with pytest.raises(NoPlace, match="waited"):
        await places.take(Rank.PUBLIC, 0)
    await _fill(places, Rank.RESERVED)
    with pytest.raises(NoPlace):
        await places.take(Rank.RESERVED, 0)
    assert places.at_work == 4


async def test_reserved_ones_may_have_all_the_places() -> None:
    places = _places()
    await _fill(places, *[Rank.RESERVED] * 4)
    places.give_back(Rank.RESERVED)
    await places.take(Rank.PUBLIC, 0)
    assert places.at_work == 4


async def test_the_smallest_house_still_lets_ordinary_ones_in() -> None:
    await _places(1).take(Rank.PUBLIC, 0)


async def test_a_place_given_back_goes_to_the_highest_rank_then_to_the_newest() -> None:
    places = _places(1, share=0, waiting_max=5)
    await _fill(places, Rank.PUBLIC)
    arrivals = [Rank.PUBLIC, Rank.INTERNAL, Rank.RESERVED, Rank.INTERNAL, Rank.PUBLIC]
    line = [await _in_line(places, rank) for rank in arrivals]
    held, let_in = Rank.PUBLIC, []
    for _ in line:
        places.give_back(held)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (number,) = [n for n, one in enumerate(line) if one.done() and n not in let_in]
        let_in.append(number)
        held = arrivals[number]
    assert let_in == [2, 3, 1, 4, 0]


async def test_a_full_line_turns_the_oldest_of_the_lowest_rank_away() -> None:
    places = _places(1, share=0)
    await _fill(places, Rank.PUBLIC)
    older, newer = await _in_line(places, Rank.PUBLIC), await _in_line(places, Rank.PUBLIC)
    order = await _in_line(places, Rank.RESERVED)
    with pytest.raises(NoPlace, match="full"):
        await older
    newest = await _in_line(places, Rank.PUBLIC)
    with pytest.raises(NoPlace, match="full"):
        await newer
    second = await _in_line(places, Rank.RESERVED)
    with pytest.raises(NoPlace, match="full"):
        await newest
    with pytest.raises(NoPlace, match="full"):
        await places.take(Rank.PUBLIC, PATIENT)
    places.give_back(Rank.PUBLIC)
    await second
    places.give_back(Rank.RESERVED)
    await order


async def test_nobody_waits_longer_than_they_may() -> None:
    places = _places(1)
    await _fill(places, Rank.PUBLIC)
    with pytest.raises(NoPlace, match="waited"):
        await places.take(Rank.PUBLIC, 0.01)
    assert places.waiting == 0


async def test_without_a_line_the_excess_is_turned_away_at_once() -> None:
    places = _places(1, waiting_max=0)
    await _fill(places, Rank.PUBLIC)
    with pytest.raises(NoPlace, match="full"):
        await places.take(Rank.RESERVED, PATIENT)


async def test_one_who_goes_away_while_waiting_leaves_the_line() -> None:
    places = _places(1)
    await _fill(places, Rank.PUBLIC)
    gone = await _in_line(places, Rank.PUBLIC)
    gone.cancel()
    await asyncio.wait([gone])
    assert places.waiting == 0
    places.give_back(Rank.PUBLIC)
    assert places.at_work == 0


async def test_one_who_goes_away_in_the_moment_of_getting_a_place_gives_it_back() -> None:
    places = _places(1)
    await _fill(places, Rank.PUBLIC)
    gone = await _in_line(places, Rank.PUBLIC)
    places.give_back(Rank.PUBLIC)
    gone.cancel()
    await asyncio.wait([gone])
    assert places.at_work == 0


async def test_a_place_given_back_passes_one_by_who_has_just_been_called_off() -> None:
    """A timer cancels the waiter, who hears of it at the loop's next turn; the place comes back before."""
    places = _places(1, waiting_max=3)
    await _fill(places, Rank.PUBLIC)
    waits, gone = await _in_line(places, Rank.PUBLIC), await _in_line(places, Rank.PUBLIC)
    gone.cancel()
    places.give_back(Rank.PUBLIC)
    await waits
    await asyncio.wait([gone])
    assert gone.cancelled()
    assert (places.at_work, places.waiting) == (1, 0)
    places.give_back(Rank.PUBLIC)
    assert places.at_work == 0


async def test_a_full_line_turns_away_who_has_just_been_called_off() -> None:
    places = _places(1, waiting_max=1)
    await _fill(places, Rank.PUBLIC)
    gone = await _in_line(places, Rank.PUBLIC)
    newest = asyncio.create_task(places.take(Rank.RESERVED, PATIENT))
    gone.cancel()  # which it hears of after the newest has come
    await asyncio.wait([gone])
    assert gone.cancelled()
    places.give_back(Rank.PUBLIC)
    await newest
    assert (places.at_work, places.waiting) == (1, 0)


async def test_no_place_is_lost_or_given_twice_in_a_long_crowd() -> None:
    places = _places(3, share=0.3, waiting_max=20)
    at_once: list[int] = []
    served = 0

    async def one(number: int) -> None:
        nonlocal served
        rank = Rank(number % 3)
        await asyncio.sleep(number % 7 / 1000)
        await places.take(rank, PATIENT if number % 2 else 0.001)
        try:
            at_once.append(places.at_work)
            await asyncio.sleep(0.0005)
            served += 1
        finally:
            places.give_back(rank)

    crowd = [asyncio.create_task(one(number)) for number in range(400)]
    for number in range(0, 400, 9):
        await asyncio.sleep(0)
        crowd[number].cancel()
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    assert {type(one) for one in outcomes} <= {type(None), NoPlace, asyncio.CancelledError}
    assert (max(at_once), places.at_work, places.waiting) == (3, 0, 0)
    assert served >= 3, "as many as there are places"
    await _fill(places, Rank.PUBLIC, Rank.PUBLIC, Rank.RESERVED)
