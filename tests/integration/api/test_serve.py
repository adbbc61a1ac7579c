"""`umbel server` as its own process."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.waiting import wait_until


def test_it_says_where_it_is_and_ends_at_once_although_somebody_listens(
    home: Path, tmp_path: Path, valkey_url: str
) -> None:
    env = {
        **os.environ,
        "UMBEL_HOME": str(home),
        "UMBEL_STATE_URL": f"{valkey_url[:-1]}5",
        "UMBEL_BROKER_URL": f"{valkey_url[:-1]}6".replace("unix://", "redis+socket://").replace("db=", "virtual_host="),
        "UMBEL_DATABASE_URL": f"sqlite:///{tmp_path}/umbel.db",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "umbel", "server", "--port", "0"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if found := re.match(r"server: (http://127\.0\.0\.1:\d+)$", line):
                break
        else:
            raise AssertionError("".join(lines))
        with httpx.Client(base_url=found.group(1), timeout=20) as http:
            wait_until(lambda: _ready(http), 20, "a server that is ready")
            run = http.post("/api/v1/runs", json={"definition": "demo.ONE"}).json()
            with http.stream("GET", f"/api/v1/runs/{run['id']}/events") as answer:
                told = next(line for line in answer.iter_lines() if line.startswith("event"))
                assert told == "event: run.state"
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_port_that_is_taken_is_said_in_one_sentence(home: Path, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "umbel", "server", "--port", str(port)],
            env={**os.environ, "UMBEL_HOME": str(home), "UMBEL_DATABASE_URL": f"sqlite:///{tmp_path}/umbel.db"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert f"The server cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
