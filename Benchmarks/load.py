# SPDX-License-Identifier: Apache-2.0
"""A closed loop of requests over kept-alive connections: through wrk, or in Python without it.

Latencies come in microseconds. The Python generator takes about as much of a core as FastAPI does,
so its figures say little about a server that is faster than itself.
"""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nREPORT {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def run(port, path, body, connections, seconds, cores=None, generator="wrk"):
    """Loads the server; returns requests a second, p50, p99 and the number of errors."""
    if generator == "wrk" and shutil.which("wrk"):
        found = run_wrk(port, path, body, connections, seconds, cores)
    else:
        found = asyncio.run(run_python(port, path, body, connections, seconds))
    return {
        "per_second": found["requests"] / found["seconds"],
        "p50_us": found["p50"],
        "p99_us": found["p99"],
        "errors": found["errors"],
    }


def run_wrk(port, path, body, connections, seconds, cores):
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "post.lua"
        script.write_text(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [==[{body}]==]\n{REPORT}"
        )
        command = ["taskset", "-c", cores] if cores else []
        command += ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    for line in done.stdout.splitlines():
        if line.startswith("REPORT "):
            return json.loads(line.removeprefix("REPORT "))
    raise RuntimeError(f"wrk gave no report: {done.stdout}{done.stderr}")


async def run_python(port, path, body, connections, seconds):
    data = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = head.encode() + f"Content-Length: {len(data)}\r\n\r\n".encode() + data
    began = time.perf_counter()
    end = began + seconds
    latencies, errors = [], 0

    async def client():
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (start := time.perf_counter()) < end:
                writer.write(request)
                async with asyncio.timeout(5):
                    answer = await reader.readuntil(b"\r\n\r\n")
                    fields = answer.lower().split(b"\r\n")
                    length = next(f for f in fields if f.startswith(b"content-length:"))
                    await reader.readexactly(int(length.split(b":")[1]))
                latencies.append((time.perf_counter() - start) * 1e6)
                errors += not answer.startswith(b"HTTP/1.1 200")
        except (OSError, EOFError, TimeoutError, StopIteration):
            errors += 1
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    latencies.sort()
    at = lambda share: latencies[int(share * (len(latencies) - 1))] if latencies else 0.0
    return {
        "requests": len(latencies),
        "seconds": time.perf_counter() - began,
        "p50": at(0.5),
        "p99": at(0.99),
        "errors": errors,
    }
