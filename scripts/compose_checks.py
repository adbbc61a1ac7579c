"""Runs compose.yaml's stack and breaks it: what scripts/compose-smoke asks of an image that is built.

Needs `docker compose` and Python's standard library. Everything goes through the published port, as a user would.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

STARTED = int(os.environ.get("T0", time.time_ns()))
ENDS = {"happy": "success", "flaky": "success", "slow": "error", "down": "error", "partial_fail": "error"}
OURS = ("server", "worker", "model")
HARDENED = """
import json, os
def writes(place):
    try:
        open(os.path.join(place, "x"), "w").close()
        return True
    except OSError:
        return False
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "user": os.getuid(), "capabilities": int(status["CapEff"], 16), "no_new_privileges": status["NoNewPrivs"].strip(),
    "writes": [each for each in ("/", "/project", "/opt/umbel", "/tmp") if writes(each)],
}))
"""


def lap(text: str) -> None:
    print(f"compose-smoke: [{(time.time_ns() - STARTED) / 1e9:5.1f} s] {text}", flush=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def docker(*arguments: str, timeout: float = 180) -> str:
    """What `docker ...` prints. Raises SystemExit with its messages if it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise SystemExit(f"docker {' '.join(arguments[:6])}: exit {done.returncode}\n{said}")
    return done.stdout


def compose(*arguments: str, timeout: float = 180) -> str:
    return docker("compose", *arguments, timeout=timeout)


def containers(service: str) -> list[str]:
    return compose("ps", "--quiet", "--all", service).split()


def check(right: bool, what: str, found: object = "") -> None:
    if not right:
        raise SystemExit(f"not so: {what}; found {repr(found)[:600]}")


def eventually(what: str, condition: Callable[[], Any], timeout: float = 60) -> Any:
    """What `condition` answers once that is true."""
    until = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > until:
            raise SystemExit(f"not within {timeout:g} s: {what}")
        time.sleep(0.1)
    return found


def ask(path: str, body: object = None, timeout: float = 60) -> tuple[int, Any]:
    """Status and content of the server's answer; 0 while nobody answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ['PORT']}{path}", json.dumps(body).encode() if body is not None else None
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def start(scenario: str = "happy") -> str:
    payload = {"raw": "smoke", "scenario": scenario}
    status, run = ask("/api/v1/runs", {"definition": "demo.PIPELINE", "payload": payload})
    check(status == 201, f"{scenario} is accepted", (status, run))
    return str(run["id"])


def run_of(run: str) -> Any:
    status, found = ask(f"/api/v1/runs/{run}")
    return found if status == 200 else {"settled": False, "tasks": []}


def ended(run: str, timeout: float = 90) -> Any:
    return eventually(f"end of run {run}", lambda: (found := run_of(run))["settled"] and found, timeout)


def all_succeed(runs: list[str]) -> None:
    states = [ended(run)["state"] for run in runs]
    check(states == ["success"] * len(runs), "every run succeeds", states)


def up() -> None:
    compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "240", timeout=300)
    lap("stack is healthy: " + ", ".join(sorted(compose("ps", "--format", "{{.Service}}").split())))


def down(*arguments: str, within: float = 25) -> None:
    began = time.monotonic()
    compose("down", *arguments)
    took = time.monotonic() - began
    check(took < within, f"down within {within:g} s", took)
    lap(f"down in {took:.1f} s")


# --- what is looked at


def hardening() -> None:
    for service in OURS:
        found = json.loads(compose("exec", "-T", service, "python", "-c", HARDENED))
        check(
            found == {"user": 10001, "capabilities": 0, "no_new_privileges": "1", "writes": ["/tmp"]},
            f"{service}: an ordinary user without capabilities on a read-only file system",
            found,
        )
    (migrated,) = containers("migrate")
    check(docker("inspect", "--format", "{{.State.ExitCode}}", migrated).strip() == "0", "umbel db upgrade")
    lap("non-root, no capabilities, read-only file system")


def ports() -> None:
    for service in ("server", "worker", "model", "valkey", "postgres"):
        for each in containers(service):
            bound = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", each)) or {}
            hosts = {place["HostIp"] for places in bound.values() for place in places or []}
            wanted = {"127.0.0.1"} if service == "server" else set()
            check(hosts == wanted, f"{service} is published on {wanted or 'nothing'}", hosts)


def pages() -> None:
    status, page = ask("/")
    check(status == 200 and "<script" in page, "the page is served", (status, str(page)[:200]))
    script = page.split('<script type="module"')[1].split('src="')[1].split('"')[0]
    status, text = ask(script)
    check(status == 200 and len(str(text)) > 10_000, f"its script {script} is served", status)
    check(ask("/readyz")[0] == 200, "/readyz")
    check(ask("/openapi.json")[0] == 200, "/openapi.json")
    lap("pages and API through the published port")


def scenarios() -> None:
    runs = {scenario: start(scenario) for scenario in ENDS}
    found = {scenario: ended(run)["state"] for scenario, run in runs.items()}
    check(found == ENDS, "the five scenarios end as they should", found)
    lap("the five scenarios")


def kill_in_the_middle() -> tuple[str, float] | None:
    """Kill the worker that runs a slow task: its container and the seconds until another took over, if in time."""
    slow = start("slow")  # its task A waits 5 s for the model

    def attempts() -> Any:
        tasks = [task for task in run_of(slow)["tasks"] if task["key"] == "TASK_A"]
        return [attempt for task in tasks for attempt in task["attempts"] if attempt["worker"]]

    first = eventually("the slow task runs", attempts, 30)[0]
    victim = str(first["worker"]).rpartition("@")[2].partition("~")[0]  # celery@CONTAINER~INCARNATION
    check(any(each.startswith(victim) for each in containers("worker")), "it runs in a container", first["worker"])
    docker("kill", victim)
    began = time.monotonic()
    tried = eventually("another worker takes over", lambda: len(found := attempts()) > 1 and found, 60)
    took = time.monotonic() - began
    ask(f"/api/v1/runs/{slow}/cancel", {})
    check(victim not in str(tried[1]["worker"]), "another worker has it", tried[1]["worker"])
    if tried[0]["outcome"] == "lost":
        return victim, took
    docker("start", victim)
    return None


def worker_killed() -> None:
    runs = [start() for _ in range(20)]
    # On a very busy machine the kill may come when those five seconds are over.
    found = next((found for _ in range(4) if (found := kill_in_the_middle())), None)
    check(found is not None, "a task was killed in the middle")
    victim, took = found or ("", 0)
    all_succeed(runs)
    docker("start", victim)
    lap(f"a worker was killed: its task went on elsewhere after {took:.1f} s, {len(runs)} runs beside it succeeded")


def store_killed(service: str) -> None:
    """A store is killed under load and started again: what was accepted goes on."""
    (container,) = containers(service)
    runs = [start("flaky"), *(start() for _ in range(20))]
    docker("kill", container)
    if service == "postgres":
        body = {"definition": "demo.PIPELINE", "payload": {"raw": "x", "scenario": "happy"}}
        status, _ = ask("/api/v1/runs", body)
        check(status == 503, "without the history nothing is accepted", status)
    docker("start", container)
    began = time.monotonic()
    eventually("ready again", lambda: ask("/readyz")[0] == 200)
    ready = time.monotonic() - began
    all_succeed(runs)
    all_succeed([start()])
    lap(f"{service} was killed and started: ready after {ready:.1f} s, {len(runs)} runs succeeded")


def rabbitmq() -> None:
    os.environ |= {"COMPOSE_PROFILES": "rabbitmq", "BROKER_URL": "amqp://umbel:umbel@rabbitmq//"}
    before = len(ask("/api/v1/runs?limit=200")[1]["items"])
    down()
    up()
    after = len(ask("/api/v1/runs?limit=200")[1]["items"])
    check(after == before > 0, "the history outlives its containers", (before, after))
    all_succeed([start("happy"), start("flaky")])
    queues = compose("exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet", "list_queues", "name", "type")
    check(["celery", "quorum"] in [line.split() for line in queues.splitlines()], "a quorum queue", queues)
    lap("the pipeline by RabbitMQ")


def main() -> None:
    os.environ["PORT"] = str(free_port())
    for profile in ("", "rabbitmq"):
        compose("--profile", profile, "config", "--quiet") if profile else compose("config", "--quiet")
    try:
        up()
        hardening()
        ports()
        pages()
        scenarios()
        worker_killed()
        store_killed("valkey")
        store_killed("postgres")
        rabbitmq()
        down("--volumes", "--remove-orphans")
    except BaseException as error:
        said = str(error) if isinstance(error, SystemExit) else repr(error)
        print(subprocess.run(["docker", "compose", "ps", "--all"], capture_output=True, text=True).stdout)
        logs = subprocess.run(
            ["docker", "compose", "logs", "--no-color", "--tail", "12"], capture_output=True, text=True
        ).stdout
        print("\n".join(line[:300] for line in logs.splitlines()))
        subprocess.run(["docker", "compose", "down", "--volumes", "--timeout", "3"], capture_output=True)
        sys.exit(f"compose-smoke: FAILED: {said}")


if __name__ == "__main__":
    main()
