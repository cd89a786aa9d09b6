"""`python -m compose.sandbox`: the sandbox gateway and the mailbox, for the other containers to reach.

By itself it listens on loopback, as all of `make up` does."""

from __future__ import annotations

from ops.sandbox import __main__ as sandbox

if __name__ == "__main__":
    sandbox.HOST = "0.0.0.0"  # noqa: S104  # a container's network is its own
    sandbox.main()
