"""`python -m ops.local up | down | reset | run MODULE ...`: what the Makefile's targets run."""

from __future__ import annotations

import argparse

from ops.console import OperatorError
from ops.local import stop, within
from ops.local.server_process import ServerFailed
from ops.local.up import up


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.local", description="The local stack.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="start everything and follow the logs")
    verbs.add_parser("down", help="stop what `up` started in another terminal")
    verbs.add_parser("reset", help="empty the data")
    run = verbs.add_parser("run", help="run one of our modules as the running stack would")
    run.add_argument("module")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    try:
        match chosen.verb:
            case "up":
                up()
            case "down":
                stop.down()
            case "reset":
                stop.reset()
            case "run":
                within.run(chosen.module, chosen.arguments)
    except (ServerFailed, OSError) as error:
        raise OperatorError(str(error)) from None


if __name__ == "__main__":
    main()
