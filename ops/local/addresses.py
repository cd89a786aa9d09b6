"""The one table of addresses and credentials that `make up` prints."""

from __future__ import annotations

from ops.console import bold
from ops.local.stack import Stack
from ops.migrate import address_of


def table(stack: Stack) -> str:
    """Two aligned columns, ready to print."""
    store = stack.edge.public_url
    cluster, valkey = stack.cluster, stack.store
    first_password = stack.environment["STAFF_ADMIN_PASSWORD"]
    rows = {
        "Store": bold(store),
        "API documentation": f"{store}/api/docs",
        "Health": f"{store}/health",
        "Sandbox payments": f"{store}/sandbox  (card 4242 4242 4242 4242)",
        "Mailbox": f"{store}/mailbox",
        "Jobs dashboard": f"{store}/jobs  (account admin, first password {first_password})",
        "Internal entrypoint": stack.edge.internal_url,
        "PostgreSQL": cluster.psql_command if cluster is not None else address_of(stack.database_url),
        "Valkey": str(valkey.socket) if valkey is not None else "as REDIS_URL says",
        "ADMIN_API_KEY": stack.environment["ADMIN_API_KEY"],
        "Logs": f"{stack.state.logs}/",
    }
    width = max(map(len, rows))
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())
