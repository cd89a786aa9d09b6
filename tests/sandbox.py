"""A real sandbox gateway with its mailbox for tests: a process of its own, to kill and restart at will.

async with running_sandbox(webhook_url=...) as sandbox:
    environment(**sandbox.environment)  # PAYMENT_* and SES_* of a service under test
    await sandbox.set_fault("create_intent", "lost_reply")
    answer = await sandbox.confirm(intent_id, client_secret)
    [mail] = await sandbox.messages(to="ada@example.com")
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.local.leash import leashed
from tests.store import NO_TLS, ROOT, wait_until, wait_until_async

START_SECONDS = 30.0


class RunningSandbox:
    """One sandbox process. Starting, stopping and killing block until it is done; calls are awaited."""

    secret_key = "sk_test_sandbox"
    publishable_key = "pk_test_sandbox"
    webhook_secret = "whsec_sandbox"

    def __init__(
        self,
        folder: Path,
        webhook_url: str | None = None,
        public_url: str | None = None,
        processing_seconds: float | None = None,
    ) -> None:
        self.webhook_url = webhook_url
        self.public_url = public_url  # where a browser finds it; its own address when None
        self.processing_seconds = processing_seconds  # of payments that take their time; its own when None
        self.port = self.smtp_port = 0
        self.state = folder / "sandbox.sqlite"
        self._log = folder / "sandbox.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """PAYMENT_API_URL, and the base address of the official SDK."""
        return f"{self.root_url}/sandbox"

    @property
    def environment(self) -> dict[str, str]:
        """What a service needs to pay and to send mail here."""
        return {
            "PAYMENT_PROVIDER": "sandbox",
            "PAYMENT_API_URL": self.url,
            "PAYMENT_PUBLIC_API_URL": f"{self.public_url or self.root_url}/sandbox",
            **self._keys(),
            "SES_HOST": "127.0.0.1",
            "SES_PORT": str(self.smtp_port),
            "SES_SECURITY": "none",
            "SES_SENDER": "Kiosk <orders@kiosk.example>",
        }

    @property
    def pid(self) -> int:
        assert self._process is not None, "the sandbox is not running"
        return self._process.pid

    def start(self) -> None:
        """Starts it on the ports it had before, with what it knew before."""
        said = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self._command(), signal.SIGTERM),
                cwd=ROOT,
                env={**os.environ, "LOG_FORMAT": "json", "LOG_LEVEL": "INFO", **self._keys()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: self._listens(said), "the sandbox listens", START_SECONDS)

    def stop(self) -> int:
        """SIGTERM. Returns the exit status."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(30)
        self._process = None
        return status

    def kill(self) -> None:
        """`kill -9`, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        """Kills it if it runs, and starts it again on the same ports with the same state."""
        self.kill()
        self.start()

    def output(self) -> str:
        return self._log.read_text()

    async def set_fault(
        self,
        operation: str,
        mode: str,
        *,
        times: int | None = 1,
        seconds: float | None = None,
        event: str | None = None,
    ) -> None:
        """`times=None` lasts until `clear_faults`. `event` limits a webhook fault to one event type."""
        fault = {"operation": operation, "mode": mode, "times": times, "seconds": seconds, "event": event}
        await self._call("POST", "/sandbox/faults", json={k: v for k, v in fault.items() if v is not None})

    async def set_mail_fault(self, mode: str, *, times: int | None = 1) -> None:
        """`refuse` (451), `hang` or `lost_reply` (stored, and the line cut)."""
        fault = {"mode": mode, **({"times": times} if times is not None else {})}
        await self._call("POST", "/mailbox/faults", json=fault)

    async def meets_its_faults(self) -> None:
        """Returns when the faults that come so many times have come, and only those are left that last."""

        async def has_met_them() -> bool:
            left = (await self._json("GET", "/sandbox/faults"))["items"]
            return all(fault["times"] is None for fault in left)

        await wait_until_async(has_met_them, "the faults have come")

    async def clear_faults(self) -> None:
        """Ends all faults, of mail too; a call that is slow is answered."""
        await self._call("DELETE", "/sandbox/faults")
        await self._call("DELETE", "/mailbox/faults")

    async def send_webhooks_to(self, url: str | None) -> None:
        """Changes the webhook's address; events that happened without one are not sent."""
        await self._call("PUT", "/sandbox/webhook-url", json={"url": url})
        self.webhook_url = url

    async def confirm(
        self, intent_id: str, client_secret: str, payment_method: str = "pm_card_visa", **parameters: str
    ) -> dict[str, Any]:
        """Confirms as the shopper's browser does. Returns the intent, or `{"error": {...}}`."""
        form = {"payment_method": payment_method, "client_secret": client_secret, **parameters}
        return await self._json("POST", f"/sandbox/v1/payment_intents/{intent_id}/confirm", data=form)

    async def complete_authentication(self, intent: dict[str, Any], outcome: str = "complete") -> str:
        """Presses a button of the 3-D Secure page: `complete` or `fail`. Returns where it sends on to."""
        url = httpx.URL(intent["next_action"]["redirect_to_url"]["url"])
        response = await self._call("POST", url.raw_path.decode(), data={"outcome": outcome})
        return str(response.headers.get("location", ""))

    async def intents(self) -> list[dict[str, Any]]:
        """Every payment intent, newest first."""
        return await self._all("/sandbox/v1/payment_intents")

    async def refunds(self) -> list[dict[str, Any]]:
        return await self._all("/sandbox/v1/refunds")

    async def give_back(self, intent_id: str, amount_minor: int) -> dict[str, Any]:
        """A refund that somebody makes at the gateway itself, without the shop."""
        form = {"payment_intent": intent_id, "amount": str(amount_minor)}
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        return await self._json("POST", "/sandbox/v1/refunds", data=form, headers=headers)

    async def events(self, kind: str | None = None, **parameters: str) -> list[dict[str, Any]]:
        chosen = {"type": kind} if kind is not None else {}
        return await self._all("/sandbox/v1/events", **chosen, **parameters)

    async def messages(self, **parameters: str | int) -> list[dict[str, Any]]:
        """Mails, newest first: id, from, to (a list), subject, received_at, text, html, headers.
        Parameters: to, subject (a part of it), limit."""
        items: list[dict[str, Any]] = (await self._json("GET", "/mailbox/api/messages", params=parameters))[
            "items"
        ]
        return items

    async def delete_messages(self) -> None:
        await self._call("DELETE", "/mailbox/api/messages")

    async def _all(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more = True
        while more:
            after = {"starting_after": found[-1]["id"]} if found else {}
            headers = {"Authorization": f"Bearer {self.secret_key}"}
            params = {"limit": 100, **parameters, **after}
            page = await self._json("GET", path, params=params, headers=headers)
            found += page["data"]
            more = page["has_more"]
        return found

    async def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        async with plain_http() as client:
            answer: dict[str, Any] = (await client.request(method, self.root_url + path, **request)).json()
            return answer

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        async with plain_http() as client:
            response = await client.request(method, self.root_url + path, **request)
            assert response.status_code < 400, response.text
            return response

    def _keys(self) -> dict[str, str]:
        return {
            "PAYMENT_SECRET_KEY": self.secret_key,
            "PAYMENT_PUBLISHABLE_KEY": self.publishable_key,
            "PAYMENT_WEBHOOK_SECRETS": self.webhook_secret,
        }

    def _command(self) -> list[str]:
        numbers = ["--port", str(self.port), "--smtp-port", str(self.smtp_port)]
        command = [sys.executable, "-m", "ops.sandbox", *numbers, "--state", str(self.state)]
        options = {
            "--webhook-url": self.webhook_url,
            "--public-url": self.public_url,
            "--processing-seconds": self.processing_seconds,
        }
        for option, value in options.items():
            command += [option, str(value)] if value is not None else []
        return command

    def _listens(self, said: int) -> bool:
        """Reads the ports from its log, of which `said` bytes are older."""
        assert self._process is not None
        assert self._process.poll() is None, f"the sandbox ended by itself:\n{self.output()}"
        for line in self._log.read_bytes()[said:].splitlines():
            if b'"message":"listening"' in line:
                facts = json.loads(line)
                self.port, self.smtp_port = facts["port"], facts["smtp_port"]
                return True
        return False


def plain_http(base_url: str = "", headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client past any proxy."""
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=10, trust_env=False, verify=NO_TLS)


@asynccontextmanager
async def running_sandbox(
    webhook_url: str | None = None,
    public_url: str | None = None,
    *,
    processing_seconds: float | None = None,
) -> AsyncIterator[RunningSandbox]:
    """A sandbox with an empty state, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="kiosk-sandbox-"))
    sandbox: RunningSandbox | None = None
    try:
        sandbox = RunningSandbox(folder, webhook_url, public_url, processing_seconds)
        yield sandbox
    finally:
        if sandbox is not None:
            sandbox.kill()
        shutil.rmtree(folder, ignore_errors=True)
