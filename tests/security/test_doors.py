"""What the declarations of all operations promise about who may call them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import httpx
import pytest
import yaml
from starlette.applications import Starlette

from services.__main__ import WEB
from services.operations import Operation
from services.request_context import current_request, read_context
from services.routes import routes_of
from services.settings import ProcessSettings

ROOT = Path(__file__).parent.parent.parent
OPERATIONS: list[Operation] = [
    operation for name in WEB for operation in import_module(f"services.{name}.app").service.operations
]


def _label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


async def _status(operation: Operation, headers: dict[str, str]) -> int:
    """Of the operation alone; what it would need is never reached when its guard holds."""
    app = Starlette(routes=list(routes_of([operation])))
    app.state.settings, app.state.resources = ProcessSettings(admin_api_key="the-key"), None
    context = current_request.set(read_context([(b"x-entry", headers.get("X-Entry", "").encode())]))
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its name is what is compared
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            await client.request(operation.method, operation.path, headers=headers)
    current_request.reset(context)
    return {"Unauthorized": 401, "NotFound": 404}.get(type(caught.value).__name__, 500)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "/admin/" in one.path], ids=_label)
async def test_no_admin_operation_answers_without_the_key(operation: Operation) -> None:
    assert operation.admin
    for header in ({}, {"Authorization": "Bearer the-wrong-key"}, {"Cookie": "key=the-key"}):
        assert await _status(operation, header) == 401


INNER = [one for one in OPERATIONS if one.path.startswith("/internal/") and not one.page]


@pytest.mark.parametrize("operation", INNER, ids=_label)
async def test_internal_operations_do_not_exist_at_the_public_door(operation: Operation) -> None:
    assert await _status(operation, {}) == 404
    assert await _status(operation, {"X-Entry": "public"}) == 404


@pytest.mark.parametrize("file", ["traefik/local.yml", "traefik/swarm.yml", "compose/traefik.yml"])
def test_traefiks_api_is_off(file: str) -> None:
    assert "api" not in yaml.safe_load((ROOT / file).read_text())
