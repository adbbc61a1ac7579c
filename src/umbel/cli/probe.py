"""`umbel probe`: asked by whoever watches a container: Docker, Compose, Kubernetes."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.settings import Settings

Live = Annotated[
    bool, typer.Option("--live", help="Only whether it lives: a store that is away is not its fault, and passes.")
]
PATIENCE = 4.0  # seconds for the server's answer, which itself waits up to 2 s for its stores


def register(app: typer.Typer) -> None:
    """Add these commands."""
    probe = typer.Typer(
        name="probe",
        help="Ask whether server or worker are well.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    probe.command()(server)
    probe.command()(worker)
    app.add_typer(probe)


def server(live: Live = False) -> None:
    """Ask the server on this machine, at UMBEL_PORT.

    Exit status 1 if it does not answer, or one of its stores does not.
    """
    from umbel.settings import load_settings

    status, said = _get(load_settings(), "/healthz" if live else "/readyz")
    _answer(status == 200, said)


def worker(live: Live = False) -> None:
    """Look for this machine's worker among those that the state store knows.

    Exit status 1 if none of this host name (or, in a container, of this container) has given a sign of life within the
    lease, or if the state store does not answer.
    """
    import socket
    from contextlib import closing

    from umbel.engine.engine import Engine
    from umbel.errors import StateUnavailable
    from umbel.settings import load_settings

    host = socket.gethostname()
    try:
        with closing(Engine.open(load_settings())) as engine:
            names = [str(row.get("host", "")) for row in engine.workers()]
    except StateUnavailable as error:
        _answer(live, str(error))
    # Celery's node names are name@host (celery/utils/nodenames.py). Who is late is taken from the list by the others.
    here = [name for name in names if name.rpartition("@")[2] == host]
    _answer(bool(here), ", ".join(here) or f"no worker of {host} is alive")


def _get(settings: "Settings", path: str) -> tuple[int, str]:
    """Status and body, or 0 and why there is none. Asks directly, whatever http_proxy says."""
    import http.client

    host = "127.0.0.1" if settings.host in ("0.0.0.0", "", "localhost") else settings.host  # noqa: S104
    host = "::1" if host == "::" else host
    connection = http.client.HTTPConnection(host, settings.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer from {host}:{settings.port}: {error}"
    finally:
        connection.close()


def _answer(well: bool, said: str) -> None:
    print(said)
    raise typer.Exit(0 if well else 1)
