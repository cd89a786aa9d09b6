"""A whole store is bought from, asked for nonsense and broken; then all it said is searched: for secrets that
it was started with, for fields that nobody declared, and for headers that must stand on every answer."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import msgspec
import pytest

from services.__main__ import WEB
from tests.conftest import PATIENT, PATIENT_WITH_REDIS, Databases
from tests.journeys.buying import answer_of, confirm, filled_cart, order, until
from tests.security.sentry_sink import Sink, sentry_sink
from tests.security.test_doors import OPERATIONS
from tests.store import LocalStore, local_store, wait_until

pytestmark = pytest.mark.slow

CARD = "4242424242424242"
EMAIL = "ada@example.com"  # of tests/journeys/buying.py
SECRETS = {
    "ADMIN_API_KEY": "canary-admin-key-7f3a9c",
    "STAFF_ADMIN_PASSWORD": "canary-staff-password-1b8e",
    "PAYMENT_SECRET_KEY": "sk_test_canary0secret0key",
    "PAYMENT_WEBHOOK_SECRETS": "whsec_canary0webhook0secret",
}
DATABASE_PASSWORD = "canary-database-password-55d1"
PAGES = ("/", "/search?q=lamp", "/cart", "/checkout", "/nothing", "/search?sort=bogus", "/jobs/login", "/api")
BROWSER = {"Accept": "text/html", "Accept-Language": "en"}


@dataclass
class Heard:
    """`known`: what only one shopper may know, and what he wrote. `metrics`: of all services."""

    store: LocalStore
    sink: Sink
    answers: list[httpx.Response] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    metrics: str = ""

    def client(self) -> httpx.Client:
        def keep(response: httpx.Response) -> None:
            response.read()
            self.answers.append(response)

        hooks = {"response": [keep]}
        return httpx.Client(base_url=self.store.url, trust_env=False, timeout=60, event_hooks=hooks)


@pytest.fixture(scope="module")
async def heard(databases: Databases) -> AsyncIterator[Heard]:
    url = await databases.copy()
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0] or 'postgres'}:{DATABASE_PASSWORD}@{host}"
    guarded = urlunsplit(parts._replace(netloc=netloc))
    own = {"DATABASE_URL": guarded, "PAYMENT_PUBLISHABLE_KEY": "pk_test_canary"}
    with (
        sentry_sink() as sink,
        local_store(**SECRETS, **own, SENTRY_DSN=sink.dsn, **PATIENT, **PATIENT_WITH_REDIS) as store,
    ):
        found = Heard(store, sink)
        with found.client() as client:
            _look_around(client)
            _buy(client, found)
            _ask_nonsense(client, found)
            await _break(client, found, url)
        found.metrics = _metrics(store)
        yield found


def _look_around(client: httpx.Client) -> None:
    for path in PAGES:
        client.get(path, headers=BROWSER)
    client.get("/health", headers=BROWSER)
    client.get("/health", headers={"Authorization": f"Bearer {SECRETS['ADMIN_API_KEY']}"})
    product = client.get("/api/catalog/products").json()["items"][0]["slug"]
    for path in (f"/products/{product}", f"/api/catalog/products/{product}", "/api/catalog/categories"):
        client.get(path)


def _buy(client: httpx.Client, found: Heard) -> None:
    cart = filled_cart(client)
    placed = answer_of(order(client, cart, str(uuid.uuid4())), 201)
    path = f"/api/checkout/orders/{placed['token']}"
    payment = until(client, path, lambda order: order["payment"]["state"] == "ready")["payment"]
    found.known += [cart["id"], placed["token"], EMAIL, "Analytical Way", payment["client_secret"]]
    page = client.get(f"/orders/{placed['token']}", headers=BROWSER)
    assert page.status_code == 200
    answer_of(confirm(client, payment, "pm_card_visa"))
    until(client, path, lambda order: order["status"] == "paid")


def _ask_nonsense(client: httpx.Client, found: Heard) -> None:
    cart = f"/api/checkout/carts/{found.known[0]}"
    details = {"email": f"{EMAIL} {CARD}", "card_number": CARD, "shipping_address": {"name": CARD}}
    admin = {"Authorization": f"Bearer {SECRETS['ADMIN_API_KEY']}"}
    wrong = {"Authorization": f"Bearer {SECRETS['ADMIN_API_KEY']}x"}
    for sent in (
        client.build_request("PUT", f"{cart}/details", json=details),
        client.build_request("PUT", f"{cart}/discount", json={"code": EMAIL}),
        client.build_request("GET", f"/api/checkout/orders/{found.known[1]}x"),
        client.build_request("GET", "/api/checkout/admin/orders", headers=admin),
        client.build_request("GET", "/api/checkout/admin/orders/0", headers=admin),
        client.build_request("GET", "/api/checkout/admin/orders", headers=wrong),
        client.build_request("POST", "/webhooks/payments", content=b"{", headers={"Stripe-Signature": "t=1"}),
        client.build_request(
            "POST",
            "/jobs/login",
            data={"name": "admin", "password": SECRETS["STAFF_ADMIN_PASSWORD"] + "x"},
            headers={"Origin": found.store.url},
        ),
    ):
        client.send(sent)


async def _break(client: httpx.Client, found: Heard, url: str) -> None:
    """A table is missing: an error that nobody expected, with the shopper's cart and email at hand."""
    owner = await asyncpg.connect(url)
    try:
        await owner.execute("ALTER TABLE checkout.carts RENAME TO carts_away")
        answer = client.get(f"/api/checkout/carts/{found.known[0]}")
        await owner.execute("ALTER TABLE checkout.carts_away RENAME TO carts")
    finally:
        await owner.close()
    assert answer.status_code == 500
    wait_until(lambda: any("UndefinedTable" in one for one in found.sink.reports), "the error is reported")


def _metrics(store: LocalStore) -> str:
    ports = json.loads((store.folder / ".local" / "ports.json").read_text())
    texts = []
    for name in (name for name in ports if name.endswith("ops") or name in WEB):
        answer = httpx.get(f"http://127.0.0.1:{ports[name]}/metrics", trust_env=False, timeout=20)
        texts += [answer.text] if answer.status_code == 200 else []
    return "\n".join(texts)


def _secrets() -> list[str]:
    return [*SECRETS.values(), DATABASE_PASSWORD, CARD]


async def test_no_answer_holds_a_secret_of_the_store(heard: Heard) -> None:
    assert len(heard.answers) > 30
    for answer in heard.answers:
        said = answer.text + str(answer.headers)
        assert [one for one in _secrets() if one in said] == [], answer.url


async def test_no_error_tells_what_the_shopper_wrote_or_holds(heard: Heard) -> None:
    errors = [one for one in heard.answers if one.status_code >= 400]
    assert {one.status_code for one in errors} >= {400, 401, 404, 422, 500}
    cart, token = heard.known[:2]
    for answer in errors:
        # Who has the cart has its order: a change of what is ordered is refused with the way there.
        known = [one for one in heard.known if one != token or cart not in answer.url.path]
        assert [one for one in known if one in answer.text] == [], answer.url


async def test_neither_log_nor_report_nor_metric_holds_a_secret(heard: Heard) -> None:
    # Of all processes; `make up` itself tells the one who develops here his own keys.
    log = "\n".join(re.findall(r"^[\w.-]+ +\| .*$", heard.store.output(), re.MULTILINE))
    reports = "\n".join(heard.sink.reports)
    for text, mark in (
        (log, "unhandled error"),
        (reports, "UndefinedTable"),
        (heard.metrics, "http_request"),
    ):
        assert mark in text
        assert [one for one in (*_secrets(), *heard.known) if one in text] == []


async def test_answers_hold_declared_fields_only(heard: Heard) -> None:
    """Decoded as what its operation declares and encoded again, an answer is what it was."""
    compared = set()
    for answer in heard.answers:
        shape = _declared(answer)
        if shape is not None:
            again = msgspec.json.encode(msgspec.json.decode(answer.content, type=shape))
            assert _keys(json.loads(answer.content)) <= _keys(json.loads(again)), answer.url
            compared.add(answer.url.path.rpartition("/")[0])
    assert len(compared) >= 5


def _declared(answer: httpx.Response) -> object:
    for one in OPERATIONS:
        pattern = re.sub(r"\{\w+\}", "[^/]+", one.path)
        asked = answer.request.method == one.method and re.fullmatch(pattern, answer.request.url.path)
        if asked and not one.page and answer.status_code == one.status:
            return one.answer
    return None


def _keys(value: object, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(*(_keys(one, f"{path}.{key}") for key, one in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_keys(one, f"{path}[]") for one in value))
    return {path}


async def test_every_page_runs_only_our_own_files(heard: Heard) -> None:
    pages = [one for one in heard.answers if one.headers.get("content-type", "").startswith("text/html")]
    assert len(pages) >= len(PAGES)
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy, page.url
        assert "frame-ancestors 'none'" in policy, page.url
        assert "base-uri 'none'" in policy, page.url
        # /health is one file and names its stylesheet by its hash.
        inline = r"<script(?![^>]*\bsrc=)(?![^>]*application/)|\son\w+=\"|\sstyle=\""
        assert not re.search(inline, page.text), page.url
        assert ("<style" in page.text) == ("'sha256-" in policy), page.url


async def test_every_answer_forbids_to_guess_its_type(heard: Heard) -> None:
    for answer in heard.answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url


async def test_what_caches_may_keep_is_nobodys(heard: Heard) -> None:
    kept = [one for one in heard.answers if "public" in one.headers.get("cache-control", "")]
    assert len(kept) >= 3
    for answer in kept:
        assert "set-cookie" not in answer.headers, answer.url
        assert not re.search(r'name="(csrf|token)"', answer.text), answer.url
        assert [one for one in heard.known if one in answer.text] == [], answer.url
