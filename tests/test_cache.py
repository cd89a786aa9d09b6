"""The response cache: memory over Redis, single flight, stale answers, nothing lost with Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest
import redis.asyncio as aioredis
from starlette.types import Receive, Scope, Send

from ops.local.valkey import TemporaryValkey
from services.cache import Doorkeeper, ResponseCache, StaleResponse
from services.cached_response import CachedResponse, stored_response
from services.errors import DatabaseUnavailable, NotFound, Overloaded
from services.redis_client import RedisClient
from services.request_context import RequestContext, current_request
from services.settings import CacheSettings, RedisSettings
from tests.conftest import PATIENT, PATIENT_WITH_REDIS

pytestmark = pytest.mark.anyio
MakeCache = Callable[..., ResponseCache]


async def _a_while() -> None:
    """No database answers within one turn of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


class Source:
    """Counts how often it is asked; can be told to fail or to wait."""

    def __init__(self, name: str = "load") -> None:
        self.name, self.loads = name, 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> bytes:
        self.loads += 1
        await _a_while()
        await self.gate.wait()
        if self.error:
            raise self.error
        return b'{"%s":%d}' % (self.name.encode(), self.loads)


def _client(url: str) -> RedisClient:
    return RedisClient(RedisSettings.read({"REDIS_URL": url, **PATIENT_WITH_REDIS}), "test")


def _have_patience(cache: ResponseCache, seconds: float) -> None:
    """From now on, in place of CACHE_PATIENCE_SECONDS."""
    cache._settings = msgspec.structs.replace(cache._settings, cache_patience_seconds=seconds)


@pytest.fixture
async def make_cache(valkey: TemporaryValkey) -> AsyncIterator[MakeCache]:
    clients: list[RedisClient] = []

    def make(url: str = valkey.url, **settings: str) -> ResponseCache:
        clients.append(_client(url))
        return ResponseCache("test", clients[-1], CacheSettings.read({**PATIENT, **settings}))

    client = _client(valkey.url)
    await client.delete("cache:test:a", "cache:test:b")
    yield make
    for opened in (client, *clients):
        await opened.close()


async def _settled(cache: ResponseCache) -> None:
    while cache._writes:
        await asyncio.gather(*cache._writes)


async def test_a_fresh_answer_comes_from_memory(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_SECONDS="60"), Source()
    first = await cache.answer("a", 60, source.load)
    assert await cache.answer("a", 60, source.load) is first
    assert source.loads == 1


async def test_replicas_share_an_answer_that_was_asked_for_twice(make_cache: MakeCache) -> None:
    one, two = make_cache(CACHE_MEMORY_SECONDS="0"), make_cache(CACHE_MEMORY_SECONDS="0")
    source = Source()
    for cache in (one, one):
        await cache.answer("a", 60, source.load)
    await _settled(one)
    for cache in (two, two):
        await cache.answer("a", 60, source.load)
    assert source.loads == 3, "one's two loads, two's first; two's second came from Redis"


async def test_callers_of_one_key_wait_for_one_load(make_cache: MakeCache) -> None:
    cache, source = make_cache(), Source()
    source.gate.clear()
    callers = [asyncio.create_task(cache.answer("a", 60, source.load)) for _ in range(50)]
    while not source.loads:
        await asyncio.sleep(0)
    source.gate.set()
    await asyncio.gather(*callers)
    assert source.loads == 1


async def test_a_caller_who_goes_away_does_not_fail_those_who_joined(make_cache: MakeCache) -> None:
    cache, source = make_cache(), Source()
    source.gate.clear()
    first = asyncio.create_task(cache.answer("a", 60, source.load))
    while not source.loads:
        await asyncio.sleep(0)
    second = asyncio.create_task(cache.answer("a", 60, source.load))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert isinstance(await second, CachedResponse)


async def test_who_joins_a_load_does_not_have_the_haste_of_who_began_it(make_cache: MakeCache) -> None:
    cache, gate = make_cache(), asyncio.Event()

    async def load() -> bytes:
        await gate.wait()
        request = current_request.get()
        assert request is not None
        if request.has_gone:  # as `connection()` does
            raise DatabaseUnavailable("The time for this request is over")
        return b"{}"

    async def ask(deadline: float | None) -> None:
        current_request.set(RequestContext("asks", deadline=deadline))
        assert isinstance(await cache.answer("a", 60, load), CachedResponse)

    hurried = asyncio.create_task(ask(time.monotonic()))
    await _a_while()
    patient = asyncio.create_task(ask(None))
    await _a_while()
    gate.set()
    await asyncio.gather(hurried, patient)


async def test_an_old_answer_is_served_while_the_source_is_away(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_SECONDS="0"), Source()
    await cache.answer("a", 0, source.load)
    source.error = DatabaseUnavailable()
    assert isinstance(await cache.answer("a", 0, source.load), StaleResponse)
    with pytest.raises(DatabaseUnavailable):
        await cache.answer("b", 0, source.load)


async def test_with_an_old_answer_at_hand_nobody_waits_long_for_a_fresh_one(make_cache: MakeCache) -> None:
    """The fresh one is for those who come later, and who was let down once does not wait again."""
    patience = {"CACHE_MEMORY_SECONDS": "0", "CACHE_PATIENCE_SECONDS": "0.01"}
    cache, source = make_cache(**patience), Source()
    await cache.answer("a", 0, source.load)
    source.gate.clear()
    for _ in range(3):
        assert isinstance(await cache.answer("a", 0, source.load), StaleResponse)
    assert source.loads == 2, "one for all who were let down"
    loading = cache._loading["a"]
    source.gate.set()
    await loading
    _have_patience(cache, 20)
    assert isinstance(await cache.answer("a", 0, source.load), CachedResponse)


@pytest.mark.parametrize("error", [NotFound(), ValueError("bug")], ids=["gone", "bug"])
async def test_what_is_gone_or_broken_stays_so_however_slow_a_load_is(
    make_cache: MakeCache, error: Exception
) -> None:
    """A copy of before that one slow load had left let down came back, and stayed."""
    cache, source = make_cache(CACHE_MEMORY_SECONDS="0"), Source()
    await cache.answer("a", 0, source.load)
    source.error = error
    with pytest.raises(type(error)):
        await cache.answer("a", 0, source.load)
    _have_patience(cache, 0.01)
    source.gate.clear()
    late = asyncio.create_task(cache.answer("a", 0, source.load))
    await asyncio.wait({late}, timeout=0.05)
    source.gate.set()
    with pytest.raises(type(error)):
        await late


async def test_an_old_answer_goes_once_its_load_says_that_it_is_gone(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_SECONDS="0", CACHE_PATIENCE_SECONDS="0.01"), Source()
    await cache.answer("a", 0, source.load)
    source.gate.clear()
    assert isinstance(await cache.answer("a", 0, source.load), StaleResponse)
    source.error = NotFound()
    source.gate.set()
    await asyncio.wait({cache._loading["a"]})
    with pytest.raises(NotFound):
        await cache.answer("a", 0, source.load)


async def test_an_answer_beyond_its_time_is_not_served_any_more(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_SECONDS="0", CACHE_STALE_SECONDS="0"), Source()
    await cache.answer("a", 0, source.load)
    source.error = DatabaseUnavailable()
    with pytest.raises(DatabaseUnavailable):
        await cache.answer("a", 0, source.load)


async def test_an_error_is_not_kept(make_cache: MakeCache) -> None:
    cache, source = make_cache(), Source()
    source.error = ValueError("bug")
    with pytest.raises(ValueError, match="bug"):
        await cache.answer("a", 60, source.load)
    source.error = None
    assert isinstance(await cache.answer("a", 60, source.load), CachedResponse)


async def test_a_forgotten_answer_is_loaded_anew_everywhere(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_SECONDS="60"), Source()
    for _ in range(2):
        await cache.answer("a", 60, source.load)
    await _settled(cache)
    await cache.forget("a")
    await cache.answer("a", 60, source.load)
    assert source.loads == 2


async def _begun(cache: ResponseCache, source: Source) -> asyncio.Task[CachedResponse | StaleResponse]:
    """A load of a key that came by before, as far as its question to the source."""
    loads = source.loads + 1
    source.gate.clear()
    asking = asyncio.create_task(cache.answer("a", 60, source.load))
    async with asyncio.timeout(20):
        while source.loads < loads:
            await asyncio.sleep(0.001)
    return asking


async def test_what_was_read_before_an_answer_was_forgotten_is_not_shared(make_cache: MakeCache) -> None:
    """A worker commits and forgets while a replica still has the old row in hand."""
    replica, worker, other = (make_cache(CACHE_MEMORY_SECONDS="0") for _ in range(3))
    old, new = Source(), Source()
    await replica.answer("a", 60, old.load)
    asking = await _begun(replica, old)
    await worker.forget("a")
    old.gate.set()
    await asking
    await _settled(replica)
    for _ in range(2):
        await other.answer("a", 60, new.load)
    assert new.loads == 2, "nothing of it came from Redis"


async def test_what_was_read_after_an_answer_was_forgotten_is_shared_at_once(make_cache: MakeCache) -> None:
    one, two = make_cache(CACHE_MEMORY_SECONDS="0"), make_cache(CACHE_MEMORY_SECONDS="0")
    source = Source()
    await one.answer("a", 60, source.load)
    await one.forget("a")
    await one.answer("a", 60, source.load)
    await _settled(one)
    for _ in range(2):
        await two.answer("a", 60, source.load)
    assert source.loads == 3, "one's two loads, two's first; two's second came from Redis"


async def test_a_late_load_does_not_take_the_place_of_one_begun_after_it(make_cache: MakeCache) -> None:
    slow, quick, other = (make_cache(CACHE_MEMORY_SECONDS="0") for _ in range(3))
    old, new = Source("old"), Source("new")
    await slow.answer("a", 60, old.load)
    asking = await _begun(slow, old)
    await quick.forget("a")
    for _ in range(2):
        shown = await quick.answer("a", 60, new.load)
    await _settled(quick)
    old.gate.set()
    await asking
    await _settled(slow)
    await other.answer("a", 60, new.load)
    again = await other.answer("a", 60, new.load)
    assert isinstance(again, CachedResponse)
    assert isinstance(shown, CachedResponse)
    assert again.stored.body == shown.stored.body, "from Redis, as the quick one left it"


async def test_what_another_release_wrote_is_written_over(
    make_cache: MakeCache, valkey: TemporaryValkey
) -> None:
    client = _client(valkey.url)
    await client.set("cache:test:a", b"of another shape", 60)
    cache, source = make_cache(CACHE_MEMORY_SECONDS="0"), Source()
    for _ in range(3):
        await cache.answer("a", 60, source.load)
        await _settled(cache)
    assert source.loads == 2, "the third came from Redis"
    await client.close()


async def test_who_asks_after_an_answer_was_forgotten_does_not_join_a_load_of_before(
    make_cache: MakeCache,
) -> None:
    cache, old, new = make_cache(CACHE_MEMORY_SECONDS="60"), Source(), Source()
    asking = await _begun(cache, old)
    await cache.forget("a")
    async with asyncio.timeout(20):
        fresh = await cache.answer("a", 60, new.load)
    old.gate.set()
    assert await asking is not fresh
    assert await cache.answer("a", 60, new.load) is fresh
    assert new.loads == 1


async def test_a_request_that_has_spent_its_time_with_redis_still_forgets(make_cache: MakeCache) -> None:
    """An import forgets once a batch, and nobody waits for it as a shopper does for a page."""
    cache, other, source = (*(make_cache(CACHE_MEMORY_SECONDS="0") for _ in range(2)), Source())
    for _ in range(2):
        await cache.answer("a", 60, source.load)
    await _settled(cache)
    request = RequestContext("import", redis_seconds_spent=60.0)
    token = current_request.set(request)
    await cache.forget("a")
    current_request.reset(token)
    for _ in range(2):
        await other.answer("a", 60, source.load)
    assert source.loads == 4
    assert request.redis_seconds_spent == 60.0


async def test_memory_holds_no_more_than_it_may(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_MEMORY_ENTRIES="10", CACHE_MEMORY_SECONDS="60"), Source()
    for number in range(100):
        await cache.answer(str(number), 0, source.load)
    assert len(cache._memory) == 10


async def test_loads_beyond_the_cap_are_refused_early(make_cache: MakeCache) -> None:
    cache, source = make_cache(CACHE_LOADS_MAX="2"), Source()
    source.gate.clear()
    callers = [asyncio.create_task(cache.answer(str(n), 0, source.load)) for n in range(40)]
    while source.loads < 2:
        await asyncio.sleep(0)
    source.gate.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert refused
    assert all(isinstance(o, CachedResponse | Overloaded) for o in outcomes)


async def test_without_redis_answers_go_on(make_cache: MakeCache) -> None:
    cache, source = make_cache(url="redis://127.0.0.1:1/0", CACHE_MEMORY_SECONDS="0"), Source()
    for _ in range(20):
        assert isinstance(await cache.answer("a", 60, source.load), CachedResponse)
        await cache.forget("a")
    assert source.loads == 20


def test_the_doorkeeper_knows_a_key_the_second_time_and_stays_bounded() -> None:
    keeper = Doorkeeper(10)
    assert not keeper.knows("a")
    assert keeper.knows("a")
    for number in range(1000):
        keeper.knows(str(number))
    assert len(keeper._young) + len(keeper._old) <= 20


def test_the_doorkeeper_keeps_nothing_of_what_keys_say() -> None:
    """A stranger's paths of 30 kB, 16,000 of them, were kept whole."""
    keeper = Doorkeeper(10)
    assert not keeper.knows("x" * 30_000)
    assert keeper.knows("x" * 30_000)
    assert not keeper.knows("x" * 29_999 + "y")
    assert all(isinstance(mark, int) for mark in keeper._young)


async def test_a_long_key_is_short_in_memory_and_in_redis(
    make_cache: MakeCache, valkey: TemporaryValkey
) -> None:
    cache, source, long = make_cache(CACHE_MEMORY_SECONDS="60"), Source(), "list?" + "x" * 30_000
    first = await cache.answer(long, 60, source.load)
    assert cache.fresh(long) is first
    assert cache.fresh(long + "x") is None
    await cache.forget(long)
    assert cache.fresh(long) is None
    await cache.answer(long, 60, source.load)
    await _settled(cache)
    assert source.loads == 2
    async with aioredis.from_url(valkey.url) as redis:
        keys = [key async for key in redis.scan_iter("cache:test:*")]
    assert max(map(len, (*cache._memory, *keys))) < 300


async def _send(headers: dict[str, str] | list[tuple[str, str]], method: str = "GET") -> httpx.Response:
    cached = CachedResponse(stored_response(b"x" * 5000, "text/plain"), "public, max-age=1")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await cached(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        return await client.request(method, "/", headers=headers)


async def test_a_browser_that_has_it_gets_304_with_the_tag() -> None:
    tag = (await _send({})).headers["etag"]
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        response = await _send({"If-None-Match": given})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
    assert (await _send({"If-None-Match": 'W/"other"'})).status_code == 200


async def test_lines_of_one_header_are_one_list() -> None:
    tag = (await _send({})).headers["etag"]
    for tags in ((tag, '"other"'), ('"other"', tag)):
        assert (await _send([("If-None-Match", one) for one in tags])).status_code == 304
    for codings in (("gzip", "br"), ("br", "gzip")):
        packed = await _send([("Accept-Encoding", one) for one in codings])
        assert packed.headers["content-encoding"] == "gzip"


async def test_the_answer_is_compressed_for_who_takes_it() -> None:
    plain, packed = await _send({"Accept-Encoding": "identity"}), await _send({"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 200
    assert plain.content == packed.content == b"x" * 5000
    for refusing in ("gzip;q=0, identity", "br;q=1, gzip;q=0", "*;q=0", "gzip;q=0.0", "gzip;q=0, *"):
        assert "content-encoding" not in (await _send({"Accept-Encoding": refusing})).headers, refusing
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


async def test_a_head_request_gets_the_head() -> None:
    response = await _send({"Accept-Encoding": "identity"}, method="HEAD")
    assert (response.content, response.headers["content-length"]) == (b"", "5000")
