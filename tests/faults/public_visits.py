"""Every public route, visited in an order that makes sense: each journey is one group of the matrix."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.visits import Visits
from tests.journeys.buying import DETAILS

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Ground:
    """What was there before: a product in stock, an order that is paid, a durable job, keys and names."""

    admin_key: str
    webhook_secret: str
    staff_password: str
    slug: str
    sku: str
    category: str
    paid_number: str
    job_id: str
    group: str
    task: str

    @property
    def admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.admin_key}"}


Journey = Callable[[Visits, Ground], Awaitable[None]]


async def browse(v: Visits, g: Ground) -> None:
    for query in ("", "?q=lamp&facets=true", f"?category={g.category}", "?sort=price&limit=100"):
        await v.ask("GET", "/api/catalog/products", params=dict(httpx.QueryParams(query[1:])))
    await v.ask("GET", "/api/catalog/products/{slug}", at={"slug": g.slug})
    await v.ask("GET", "/api/catalog/categories")
    await v.ask("GET", "/api/catalog/suggest", params={"q": "lam"})


async def pages(v: Visits, g: Ground) -> None:
    home = await v.ask("GET", "/")
    await v.ask("GET", "/categories/{slug}", at={"slug": g.category})
    page = await v.ask("GET", "/products/{slug}", at={"slug": g.slug})
    await v.ask("GET", "/search", params={"q": "lamp"})
    for path in ("/api/openapi.json", "/api/docs", "/favicon.ico", "/robots.txt", "/sitemap.xml"):
        await v.ask("GET", path)
    await v.ask("GET", "/sitemaps/{name}", at={"name": "pages.xml"})
    asset = re.search(r"/assets/([\w.-]+)", home.text)
    picture = re.search(r"/pictures/([\w-]+)/([\w.-]+)", page.text)
    await v.ask("GET", "/assets/{name}", at={"name": asset[1] if asset else "none.css"})
    motif, name = (picture[1], picture[2]) if picture else ("none", "1.svg")
    await v.ask("GET", "/pictures/{motif}/{name}", at={"motif": motif, "name": name})
    await v.ask("POST", "/language", data={"language": "de", "back": "/"}, headers=SAME_ORIGIN)
    await v.ask("GET", "/up")
    await v.ask("GET", "/health")


async def buy(v: Visits, g: Ground) -> None:
    await v.ask("GET", "/api/checkout/countries")
    cart = _json(await v.ask("POST", "/api/checkout/carts"))
    at = {"id": cart.get("id", "none"), "sku": g.sku}
    path = "/api/checkout/carts/{id}"
    await v.ask("GET", path, at=at)
    await v.ask("PUT", path + "/lines/{sku}", at=at, json={"quantity": 1})
    await v.ask("PUT", path + "/discount", at=at, json={"code": "MATRIX"})
    await v.ask("DELETE", path + "/discount", at=at)
    await v.ask("GET", path + "/shipping-methods", at=at, params={"country": "DE"})
    await v.ask("PUT", path + "/details", at=at, json=DETAILS)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    placed = _json(await v.ask("POST", path + "/order", at=at, headers=key))
    order = {"token": placed.get("token", "none")}
    await v.ask("GET", "/api/checkout/orders/{token}", at=order)
    await v.ask("POST", "/api/checkout/orders/{token}/cancel", at=order)
    await _webhook(v, g)


async def _webhook(v: Visits, g: Ground) -> None:
    event = {"id": f"evt_{uuid.uuid4().hex}", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}
    body, now = json.dumps(event).encode(), str(int(time.time()))
    digest = hmac.new(g.webhook_secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={now},v1={digest}", "Content-Type": "application/json"}
    await v.ask("POST", "/webhooks/payments", content=body, headers=headers)


async def buy_on_pages(v: Visits, g: Ground) -> None:
    form = {"headers": SAME_ORIGIN, "follow_redirects": False}
    await v.ask("POST", "/cart/lines", data={"sku": g.sku, "quantity": "1"}, **form)
    await v.ask("GET", "/cart")
    await v.ask("POST", "/cart/quantity", data={"sku": g.sku, "quantity": "2"}, **form)
    await v.ask("POST", "/cart/discount", data={"code": "MATRIX"}, **form)
    await v.ask("POST", "/cart/discount/remove", **form)
    checkout = await v.ask("GET", "/checkout")
    hidden = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', checkout.text))
    address: Any = DETAILS["shipping_address"]
    filled = {**address, "email": DETAILS["email"], "shipping_method": "standard"}
    sent = {**hidden, **filled, "key": hidden.get("key", str(uuid.uuid4())), "action": "order"}
    placed = await v.ask("POST", "/checkout", data=sent, **form)
    found = re.search(r"/orders/([\w-]+)", placed.headers.get("location", ""))
    at = {"token": found[1] if found else "none"}
    await v.ask("GET", "/orders/{token}", at=at)
    await v.ask("GET", "/orders/{token}/progress", at=at)
    await v.ask("GET", "/orders/{token}/cancel", at=at)
    await v.ask("POST", "/orders/{token}/cancel", at=at, data=hidden, **form)


async def keep_shop(v: Visits, g: Ground) -> None:
    admin, unique = {"headers": g.admin}, uuid.uuid4().hex[:8].upper()
    order = {"number": g.paid_number}
    await v.ask("GET", "/api/checkout/admin/orders", **admin)
    await v.ask("GET", "/api/checkout/admin/orders/{number}", at=order, **admin)
    key = {"headers": {**g.admin, "Idempotency-Key": str(uuid.uuid4())}}
    parcel = {"lines": [{"sku": g.sku, "quantity": 1}]}
    await v.ask("POST", "/api/checkout/admin/orders/{number}/fulfilments", at=order, json=parcel, **key)
    key = {"headers": {**g.admin, "Idempotency-Key": str(uuid.uuid4())}}
    cent = {"amount": {"amount": 1, "currency": "EUR"}}
    await v.ask("POST", "/api/checkout/admin/orders/{number}/refunds", at=order, json=cent, **key)
    stock = {"at": {"sku": f"MATRIX-{unique}"}, **admin}
    await v.ask("PUT", "/api/checkout/admin/stock/{sku}", json={"level": 5, "reason": "counted"}, **stock)
    await v.ask("GET", "/api/checkout/admin/stock/{sku}", **stock)
    terms = "/api/checkout/admin"
    code = {"at": {"code": f"M{unique}"}, **admin}
    await v.ask("GET", f"{terms}/discounts", **admin)
    await v.ask("PUT", terms + "/discounts/{code}", json={"percent": 1}, **code)
    await v.ask("DELETE", terms + "/discounts/{code}", **code)
    method = {"at": {"code": f"m{unique.lower()}"}, **admin}
    await v.ask("GET", f"{terms}/shipping-methods", **admin)
    await v.ask("PUT", terms + "/shipping-methods/{code}", json={"name": "By hand", "rates": []}, **method)
    await v.ask("DELETE", terms + "/shipping-methods/{code}", **method)
    country = {"at": {"country": "AQ"}, **admin}
    await v.ask("GET", f"{terms}/tax-rates", **admin)
    await v.ask("PUT", terms + "/tax-rates/{country}", json={"percent": 1}, **country)
    await v.ask("DELETE", terms + "/tax-rates/{country}", **country)
    line = json.dumps(_product(f"matrix-{unique.lower()}")).encode()
    headers = {**g.admin, "Content-Type": "application/x-ndjson"}
    await v.ask("POST", "/api/catalog/admin/import", content=line, headers=headers)


def _product(slug: str) -> dict[str, Any]:
    variant = {"sku": slug.upper(), "price": {"amount": 100, "currency": "EUR"}, "attributes": {}}
    texts = {"slug": slug, "title": "Of the matrix", "brand": "Kiosk", "description": ""}
    return {**texts, "categories": [], "images": [], "attributes": {}, "variants": [variant]}


async def log_in(v: Visits, g: Ground) -> str:
    """Logs in to the dashboard; returns the token of its forms."""
    await v.ask("GET", "/jobs/login")
    given = {"name": "admin", "password": g.staff_password}
    await v.ask("POST", "/jobs/login", data=given, headers=SAME_ORIGIN, follow_redirects=False)
    page = await v.ask("GET", "/jobs/account")
    found = _CSRF.search(page.text)
    return found[1] if found else ""


async def steer_jobs(v: Visits, g: Ground) -> None:
    """The dashboard, by a person."""
    csrf = await log_in(v, g)

    async def send(path: str, at: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        given = {"csrf": csrf, **fields}
        return await v.ask("POST", path, at=at or {}, data=given, headers=SAME_ORIGIN, follow_redirects=False)

    job, queue = {"backend": "durable", "id": g.job_id}, {"backend": "fast", "name": "default"}
    group, task = {"backend": "durable", "group": g.group}, {"name": g.task}
    overview = await v.ask("GET", "/jobs")
    asset = re.search(r"/jobs/assets/([\w.-]+)", overview.text)
    await v.ask("GET", "/jobs/assets/{name}", at={"name": asset[1] if asset else "none.css"})
    for backend in ("durable", "fast"):
        await v.ask("GET", "/jobs/list", params={"backend": backend, "state": "ready"})
    for path in ("failures", "queues", "workers", "recurring", "bulk", "audit", "tokens", "staff"):
        await v.ask("GET", f"/jobs/{path}")
    await v.ask("GET", "/jobs/failures/{backend}/{group}", at=group)
    await send("/jobs/failures/{backend}/{group}/retry-one", group)
    await v.ask("GET", "/jobs/{backend}/{id}", at=job)
    for verb in ("retry", "discard", "reveal"):
        await send("/jobs/{backend}/{id}/" + verb, job)
    await send("/jobs/list", back="/jobs/list", verb="retry", one=f"durable:{g.job_id}")
    for verb in ("pause", "resume"):
        await send("/jobs/queues/{backend}/{name}/" + verb, queue)
        await send("/jobs/recurring/{name}/" + verb, task)
    await send("/jobs/recurring/{name}/run", task)
    await v.ask("GET", "/jobs/bulk/preview", params={"backend": "durable", "state": "dead", "verb": "retry"})
    made = await send("/jobs/bulk", backend="durable", state="dead", actor="no.such", verb="retry")
    found = re.search(r"/jobs/bulk/([0-9a-f-]{36})", made.headers.get("location", ""))
    bulk = {"id": found[1] if found else str(uuid.uuid4())}
    await v.ask("GET", "/jobs/bulk/{id}", at=bulk)
    await send("/jobs/bulk/{id}/cancel", bulk)
    await v.glance("/jobs/live")
    await _staff(send)


async def _staff(send: Callable[..., Awaitable[httpx.Response]]) -> None:
    name = f"matrix-{uuid.uuid4().hex[:8]}"
    await send("/jobs/staff", name=name, role="viewer", password="a long enough password")
    at = {"name": name}
    await send("/jobs/staff/{name}/role", at, role="operator")
    await send("/jobs/staff/{name}/password", at, password="another long password")
    await send("/jobs/staff/{name}/disable", at)
    await send("/jobs/staff/{name}/enable", at)
    made = await send("/jobs/tokens", name=name, role="viewer", days="1")
    found = re.search(r"/jobs/tokens/([0-9a-f-]{36})/revoke", made.text)
    await send("/jobs/tokens/{id}/revoke", {"id": found[1] if found else str(uuid.uuid4())})
    await send("/jobs/account/password", old_password="", new_password="", repeated="")
    await send("/jobs/logout")


async def steer_jobs_by_api(v: Visits, g: Ground) -> None:
    """The same by a program, with the session of a browser. What is asked about one job is asked of the
    durable ones: a job in Redis is not to be seen without Redis."""
    headers = {**SAME_ORIGIN, "X-CSRF-Token": await log_in(v, g)}
    job, queue = {"backend": "durable", "id": g.job_id}, {"backend": "fast", "queue": "default"}
    group, task = {"fingerprint": g.group}, {"name": g.task}
    for path in (
        "overview",
        "statistics",
        "queues",
        "workers",
        "jobs",
        "failures",
        "bulk",
        "recurring",
        "audit",
    ):
        await v.ask("GET", f"/api/jobs/{path}")

    async def send(path: str, at: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return await v.ask("POST", path, at=at or {}, headers={**headers, **key}, **request)

    for verb in ("pause", "resume"):
        await send("/api/jobs/queues/{backend}/{queue}/" + verb, queue)
        await send("/api/jobs/recurring/{name}/" + verb, task)
    await send("/api/jobs/recurring/{name}/run", task)
    await v.ask("GET", "/api/jobs/jobs/{backend}/{id}", at=job)
    for verb in ("retry", "discard", "reveal"):
        await send("/api/jobs/jobs/{backend}/{id}/" + verb, job)
    await v.ask("GET", "/api/jobs/failures/{fingerprint}", at=group)
    await send("/api/jobs/failures/{fingerprint}/retry-one", group)
    wanted = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead", "actor": "no.such"}}
    await send("/api/jobs/bulk/preview", json=wanted)
    made = _json(await send("/api/jobs/bulk", json=wanted))
    bulk = {"id": made.get("id", str(uuid.uuid4()))}
    await v.ask("GET", "/api/jobs/bulk/{id}", at=bulk)
    await send("/api/jobs/bulk/{id}/cancel", bulk)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


JOURNEYS: dict[str, Journey] = {
    "browse": browse,
    "pages": pages,
    "buy": buy,
    "buy on pages": buy_on_pages,
    "admin": keep_shop,
    "dashboard": steer_jobs,
    "jobs API": steer_jobs_by_api,
}
