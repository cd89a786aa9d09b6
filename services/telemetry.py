"""Sentry, set up by hand: its automatic integrations cost four fifths of the throughput, so they
are off and the few places that know of an unexpected error report it themselves."""

from __future__ import annotations

from typing import Any

import sentry_sdk

from services.private_text import without_quotes
from services.request_context import current_request
from services.settings import ProcessSettings


def _with_request(event: Any, _hint: dict[str, Any]) -> Any:
    context = current_request.get()
    if context is not None:
        event.setdefault("tags", {})["request_id"] = context.request_id
    for exception in event.get("exception", {}).get("values", ()):
        exception["value"] = without_quotes(exception.get("value") or "")
    return event


def configure_sentry(service: str, settings: ProcessSettings) -> None:
    """Reports to SENTRY_DSN when set: release, environment, service, request id; no personal data,
    no local variables (they may hold some)."""
    if not settings.sentry_dsn:
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=settings.release,
        environment=settings.environment,
        server_name=service,
        auto_enabling_integrations=False,
        default_integrations=False,
        include_local_variables=False,
        traces_sample_rate=0,
        before_send=_with_request,
    )
    sentry_sdk.set_tag("service", service)
