"""The route table of the API."""

from __future__ import annotations

from services.jobs.api import (
    audit_endpoints,
    bulk_endpoints,
    failure_endpoints,
    job_endpoints,
    queue_endpoints,
    recurring_endpoints,
)
from services.operations import Operation

OPERATIONS: list[Operation] = [
    *queue_endpoints.OPERATIONS,
    *job_endpoints.OPERATIONS,
    *failure_endpoints.OPERATIONS,
    *bulk_endpoints.OPERATIONS,
    *recurring_endpoints.OPERATIONS,
    *audit_endpoints.OPERATIONS,
]
