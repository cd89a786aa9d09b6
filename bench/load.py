"""Load by wrk (Debian's package), over a list of paths that repeats only when it is used up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# A POST carries its number as its key, so that none is the replay of another.
_SCRIPT = """
local paths, at, method = {}, 0, "%s"
for path in io.lines("%s") do paths[#paths + 1] = path end
request = function()
  at = at %% #paths + 1
  return wrk.format(method, paths[at], method == "POST" and {["Idempotency-Key"] = paths[at]} or nil)
end
"""
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Result:
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    failed: int  # answers that were not 2xx or 3xx, and broken connections


def run(
    url: str,
    paths: Sequence[str],
    seconds: int,
    headers: Sequence[str] = (),
    clients: int = 32,
    method: str = "GET",
) -> Result:
    """Closed loop at saturation: throughput to compare, latency that is mostly queueing."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("bench: wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "paths").write_text("\n".join(paths) + "\n")
        script = Path(folder) / "load.lua"
        script.write_text(_SCRIPT % (method, Path(folder) / "paths"))
        command = [wrk, "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "-s", str(script)]
        command += [word for header in headers for word in ("-H", header)]
        output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    return _result(output)


def _result(output: str) -> Result:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate is not None, output
    failed = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    if broken := re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output):
        failed += sum(int(number) for number in broken.groups())
    return Result(float(rate[1]), _latency_ms(output, "50%"), _latency_ms(output, "99%"), failed)


def _latency_ms(output: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)\b", output)
    assert found is not None, output
    return float(found[1]) * _UNITS_MS[found[2]]
