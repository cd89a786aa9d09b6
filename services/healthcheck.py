"""Docker's HEALTHCHECK: ends with 0 when `/livez` says `alive`. Run as `python -I -S services/healthcheck.py`
every other second in every container, so it imports next to nothing. (-I keeps this folder, whose
`queue.py` is ours, off the path.)"""

import os
import socket
import sys


def livez(port: int) -> str:
    """What the process says of itself. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), 2.0) as line:
        line.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        with line.makefile("rb") as reply:
            return reply.read(4096).rpartition(b"\r\n\r\n")[2].decode().strip()


if __name__ == "__main__":
    said = livez(int(os.environ.get("OPS_PORT") or 9000))
    sys.stdout.write(said + "\n")
    sys.exit(said != "alive")
