"""`/health` for a person. One file without a script: the stylesheet lies within, and the policy names its
hash, so nothing else can style or run here, whatever an error's text may hold."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from services.design.asset_files import SHARED
from services.health.aggregate import Check, Health

_FILES = (SHARED / "tokens.css", SHARED / "elements.css", Path(__file__).parent / "look" / "health.css")
_STYLE = "\n".join(file.read_text() for file in _FILES)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_SAYS = {
    "ok": "The store is well",
    "degraded": "The store is open, and something is wrong",
    "down": "The store can't do its work",
    "unknown": "Nothing is known yet",
}


def page_of(health: Health) -> str:
    """The whole document."""
    checks = "\n".join(_check(name, check) for name, check in health.checks.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{escape(health.status)}: health of the store</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{_SAYS[health.status]} {_badge(health.status)}</h1>
<p class="facts">Release {escape(health.version)}, {_moment(health.time)};
looked at {health.age_seconds:g} s ago</p>
<div class="checks">
{checks}
</div>
</main>
</body>
</html>
"""


def _check(name: str, check: Check) -> str:
    detail = dict(check.detail or {})
    reasons = [str(reason) for reason in detail.pop("reasons", [])]
    if error := detail.pop("error", None):
        reasons.append(str(error))
    listed = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    told = f'<ul class="reasons">{listed}</ul>' if listed else ""
    more = f"<details><summary>Details</summary>{_value(detail)}</details>" if detail else ""
    return (
        f'<section class="check"><div class="check-head">{_badge(check.status)}<h2>{escape(name)}</h2>'
        f'<p class="facts">{_facts(check)}</p></div>{told}{more}</section>'
    )


def _facts(check: Check) -> str:
    facts = [f"since {_moment(check.since)}"]
    if check.status != "ok" and check.last_ok is not None:
        facts.append(f"last well {_moment(check.last_ok)}")
    if check.latency_ms is not None:
        facts.append(f"{check.latency_ms:.1f} ms (95 %: {check.latency_p95_ms:.1f} ms)")
    if check.critical:
        facts.append("critical")
    return ", ".join(facts)


def _badge(status: str) -> str:
    return f'<span class="status {escape(status)}">{escape(status)}</span>'


def _moment(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def _value(value: Any) -> str:
    """Whatever a detail holds, as lists of terms; everything escaped."""
    if isinstance(value, dict):
        rows = (f"<dt>{escape(str(name))}</dt><dd>{_value(one)}</dd>" for name, one in value.items())
        return f"<dl>{''.join(rows)}</dl>" if value else "none"
    if isinstance(value, list | tuple):
        return "".join(f"<div>{_value(one)}</div>" for one in value) or "none"
    plain = msgspec.to_builtins(value)
    return escape("none" if plain is None else str(plain))
