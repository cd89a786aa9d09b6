"""The dashboard's stylesheets and modules: for everybody, because the login wears them too."""

from __future__ import annotations

from services.decode import Nothing
from services.design.assets import AssetResponse
from services.jobs.dashboard.rendering import ASSETS
from services.jobs.resources import Jobs
from services.operations import Call, Operation, operation


async def asset(call: Call[Jobs, Nothing, Nothing]) -> AssetResponse:
    return ASSETS.response(call.path("name"))


OPERATIONS: list[Operation] = [
    operation(
        "GET", "/jobs/assets/{name}", asset, "A stylesheet, a module or a sign", page=True, admission="exempt"
    )
]
