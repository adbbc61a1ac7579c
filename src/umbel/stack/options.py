"""What a stack consists of: the choices of `umbel demo` and `umbel dev`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import umbel

DEMO_PROJECT = Path(umbel.__file__).parent / "demo" / "project"
DEMO_DATA = Path(".umbel") / "demo"
DEV_DATA = Path(".umbel")


@dataclass(frozen=True)
class StackOptions:
    """Everything that can differ between two stacks.

    A port of 0 picks a free one. A URL that is given means that this part runs elsewhere: Valkey is not
    started when both `broker_url` and `state_url` are given, and SQLite is not used when `database_url` is.
    `start` may leave out "server" or "worker". `no_restart` names parts that stay down when they die.
    `worker_args` follow `umbel worker`. `lab`: the server has a failure lab for these parts, where the machine can tell
    processes apart (Linux). `xray` is what is recorded of runs, unless the environment says. `env` goes to the model
    service, the server and the worker, above everything else.
    """

    project: Path
    data: Path
    port: int = 8000
    model: bool = False
    model_port: int = 9000
    broker_url: str | None = None
    state_url: str | None = None
    database_url: str | None = None
    start: frozenset[str] = frozenset({"server", "worker"})
    # One worker alone has no neighbours to ask, which takes Celery a second.
    worker_args: tuple[str, ...] = ("-c", "2", "--loglevel", "INFO", "--without-mingle", "--without-gossip")
    reload: bool = False
    lab: bool = False
    no_restart: frozenset[str] = frozenset()
    xray: str = "off"
    env: Mapping[str, str] = field(default_factory=dict)


def demo_options(
    *, port: int = 8000, model_port: int | None = None, data: Path | None = None, project: Path = DEMO_PROJECT
) -> StackOptions:
    """`umbel demo`: everything embedded, with the model service. A port of 0 picks a free one for both."""
    if model_port is None:
        model_port = 9000 if port else 0
    return StackOptions(
        project=project,
        data=data or DEMO_DATA,
        port=port,
        model=True,
        model_port=model_port,
        xray="commands",
        lab=True,
        # Whatever the environment says: the demo has no accounts, and is there to be learnt from.
        env={"UMBEL_AUTH": "none", "UMBEL_LEARN": "true"},
    )


def dev_options(
    project: Path,
    *,
    port: int = 8000,
    data: Path | None = None,
    broker_url: str | None = None,
    state_url: str | None = None,
    database_url: str | None = None,
) -> StackOptions:
    """`umbel dev DIR`: embedded parts for each URL that is not given; server and worker follow the files."""
    return StackOptions(
        project=project,
        data=data or project / DEV_DATA,
        port=port,
        broker_url=broker_url,
        state_url=state_url,
        database_url=database_url,
        reload=True,
        xray="commands",
    )
