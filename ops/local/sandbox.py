"""The sandbox gateway and the mailbox in the local stack: where they are, and what the services are told.

What the operator set (`PAYMENT_SECRET_KEY` or `PAYMENT_SECRET_KEY_FILE`, say) is left alone.
"""

from __future__ import annotations

import os
import sys

from ops.local.ports import HOST
from ops.local.programs import Program
from ops.local.state import State

NAME, SMTP = "sandbox", "sandbox.smtp"


def payment_variables(state: State, ports: dict[str, int], public_url: str) -> dict[str, str]:
    """Where the gateway is, and the keys that open it. Of another gateway the operator has to say all."""
    if _another_gateway():
        return {}
    ours = {
        "PAYMENT_PROVIDER": "sandbox",
        "PAYMENT_API_URL": f"http://{HOST}:{ports[NAME]}/sandbox",
        "PAYMENT_PUBLIC_API_URL": f"{public_url.rstrip('/')}/sandbox",
        **_keys(state),
    }
    return _left_open(ours)


def mail_variables(ports: dict[str, int]) -> dict[str, str]:
    """The mailbox as the SMTP server. All or nothing: a server of the operator's own has its own port."""
    if _is_set("SES_HOST"):
        return {}
    sender = _left_open({"SES_SENDER": "Kiosk <orders@kiosk.example>"})
    return {"SES_HOST": HOST, "SES_PORT": str(ports[SMTP]), "SES_SECURITY": "none", **sender}


def sandbox_program(state: State, ports: dict[str, int], public_url: str, internal_url: str) -> Program:
    """Keeps its state in one file; its webhooks come in by the inner door."""
    command = [sys.executable, "-m", "ops.sandbox"]
    command += ["--port", str(ports[NAME]), "--smtp-port", str(ports[SMTP])]
    command += ["--state", str(state.sandbox / "sandbox.sqlite")]
    command += ["--webhook-url", f"{internal_url}/webhooks/payments", "--public-url", public_url]
    # The keys of a real gateway are nothing for it to know.
    environment = _keys(state) if _another_gateway() else {}
    return Program(NAME, "servers", command, environment=environment)


def up_url(ports: dict[str, int]) -> str:
    return f"http://{HOST}:{ports[NAME]}/sandbox/up"


def _keys(state: State) -> dict[str, str]:
    """Made up once, and kept."""
    return {
        "PAYMENT_SECRET_KEY": f"sk_test_{state.secret('payment_secret_key')}",
        "PAYMENT_PUBLISHABLE_KEY": f"pk_test_{state.secret('payment_publishable_key')}",
        "PAYMENT_WEBHOOK_SECRETS": f"whsec_{state.secret('payment_webhook_secret')}",
    }


def _another_gateway() -> bool:
    return os.environ.get("PAYMENT_PROVIDER") == "stripe" or _is_set("PAYMENT_API_URL")


def _left_open(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not _is_set(name)}


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
