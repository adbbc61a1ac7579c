"""From the options to the parts: Valkey, and Umbel's own programs with the URLs that connect them."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from umbel.stack import identity
from umbel.stack.key import secret_key, webhook_secret
from umbel.stack.options import StackOptions
from umbel.stack.ports import free_ports, require_free
from umbel.stack.probes import http_ok, worker_beats
from umbel.stack.process import Part
from umbel.stack.valkey import valkey_part

# -P: the project's folder does not come before the standard library, so that a project may have a queue.py.
_PYTHON = (sys.executable, "-P", "-m")


@dataclass(frozen=True)
class Urls:
    """Where everything is, whether the stack runs it or not. `model` is None without a model service; `embedded` is the
    port of the stack's own Valkey, 0 if it has none."""

    server: str
    broker: str
    state: str
    database: str
    model: str | None
    embedded: int = 0

    def env(self) -> dict[str, str]:
        """The same as settings for a process that belongs to this stack."""
        env = {
            "UMBEL_URL": self.server,
            "UMBEL_BROKER_URL": self.broker,
            "UMBEL_STATE_URL": self.state,
            "UMBEL_DATABASE_URL": self.database,
        }
        return {**env, "UMBEL_MODEL_URL": self.model} if self.model else env


def build(options: StackOptions, data: Path, lock: int) -> tuple[list[Part], Urls]:
    """The parts in the order of starting, and where they will be.

    Args:
        data: the data folder, absolute, held by the open file `lock`.

    Raises:
        StackError: a port is taken, or there is no Valkey.
    """
    project = options.project.resolve()
    spare = iter(free_ports(3))
    port = _port(options.port, "--port", spare) if "server" in options.start else options.port
    model_port = _port(options.model_port, "--model-port", spare) if options.model else 0
    valkey = f"redis://127.0.0.1:{(valkey_port := next(spare))}"
    urls = Urls(
        server=f"http://127.0.0.1:{port}",
        broker=options.broker_url or f"{valkey}/0",
        state=options.state_url or f"{valkey}/1",
        database=options.database_url or f"sqlite:///{data / 'umbel.db'}",
        model=f"http://127.0.0.1:{model_port}" if options.model else None,
        embedded=0 if options.broker_url and options.state_url else valkey_port,
    )
    env = {"PYTHONUNBUFFERED": "1", **urls.env(), "UMBEL_HOME": str(project), **options.env}
    env.setdefault("UMBEL_SECRET_KEY", secret_key(project, data))
    env.setdefault("UMBEL_WEBHOOK_SECRET", webhook_secret(project, data))
    env["UMBEL_XRAY"] = xray_of(options)
    if options.lab and identity.available():
        env["UMBEL_LAB"] = os.fspath(data / "lab")
    env.setdefault("UMBEL_PLAYGROUND", os.environ.get("UMBEL_PLAYGROUND", "true"))

    parts = []
    if options.model:
        parts.append(_model(model_port, env))
    if urls.embedded:
        parts.append(valkey_part(data / "valkey", valkey_port, lock=lock))
    if "server" in options.start:
        parts.append(_server(port, env, project))
    if "worker" in options.start:
        parts.append(_worker(options.worker_args, env, project, urls.state))
    # Under `umbel dev` a typo may keep a part down until the next save; it must not end the stack.
    umbel = {"server", "worker"}
    return [
        replace(
            part,
            restart=part.name not in options.no_restart,
            vital=not (options.reload and part.name in umbel),
        )
        for part in parts
    ], urls


def xray_of(options: StackOptions) -> str:
    """What is recorded of runs: what the options or the environment say, else commands where they can be heard."""
    return options.env.get("UMBEL_XRAY") or os.environ.get("UMBEL_XRAY") or options.xray


def _port(wanted: int, flag: str, spare: Iterator[int]) -> int:
    if wanted:
        require_free(wanted, flag)
        return wanted
    return next(spare)


def _model(port: int, env: Mapping[str, str]) -> Part:
    program = (*_PYTHON, "umbel.demo.model_service", "--port", str(port))
    return Part("model", program, env, ready=http_ok(port, "/health"))


def _server(port: int, env: Mapping[str, str], project: Path) -> Part:
    program = (*_PYTHON, "umbel", "server", "--port", str(port))
    return Part("server", program, env, project, ready=http_ok(port, "/readyz"), after=("valkey",))


def _worker(arguments: tuple[str, ...], env: Mapping[str, str], project: Path, state: str) -> Part:
    program = (*_PYTHON, "umbel", "worker", *arguments)
    return Part("worker", program, env, project, ready=worker_beats(state), after=("valkey",))
