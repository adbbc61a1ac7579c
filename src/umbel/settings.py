"""Every setting: its environment name, default and meaning.

Owns: the names, defaults and units of all settings.
May import: errors.
Promises: one place to look; a bad value is refused with the setting's name.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource, InitSettingsSource, PyprojectTomlConfigSettingsSource

from umbel.errors import SettingsError


class Settings(BaseSettings):
    """From flags, then `UMBEL_*` in the environment, then `.env`, then `[tool.umbel]` in pyproject.toml.

    The `.env` is the project's (or the file that `DIRECTOR_CONFIG` names) and that of the working directory. Names that
    celery-director knows are taken for their counterparts where no `UMBEL_*` is given: `DIRECTOR_HOME`,
    `DIRECTOR_BROKER_URI`, `DIRECTOR_RESULT_BACKEND_URI` (if it is Redis; the live runs then share it),
    `DIRECTOR_DATABASE_URI`, `DIRECTOR_AUTH_ENABLED`, `DIRECTOR_API_URL`, `DIRECTOR_WORKFLOWS_PER_PAGE` and
    `DIRECTOR_DEFAULT_RETENTION_OFFSET`. Director's
    own tables are never touched: in place of its SQLite file, `umbel.db` beside it is used, and a PostgreSQL database
    that holds Director's tables is refused.
    """

    model_config = SettingsConfigDict(
        env_prefix="UMBEL_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        pyproject_toml_table_header=("tool", "umbel"),
    )

    home: Path = Field(Path("."), description="Folder of the project: workflows.yml, tasks/, schemas/, .env.")
    broker_url: str = Field("redis://127.0.0.1:6379/0", description="Celery's broker.")
    state_url: str = Field("redis://127.0.0.1:6379/1", description="Redis or Valkey that holds the live runs.")
    result_url: str = Field(
        "", description="Celery result backend of runs with `engine: canvas`; empty for the state store."
    )
    database_url: str = Field("sqlite:///umbel.db", description="SQL database that holds the history.")
    url: str = Field("http://127.0.0.1:8000", description="Where clients find the server.")
    token: str = Field("", description="API token that clients send.")
    user: str = Field("", description="Name of the account that clients use, if they have no token.")
    password: str = Field("", description="Password of that account.")
    auth: Literal["none", "basic"] = Field(
        "none", description="`basic`: the server asks everyone for an account (`umbel user`) or token (`umbel token`)."
    )
    session_hours: float = Field(12.0, gt=0, le=8760, description="Hours after which who signed in does so again.")
    allowed_hosts: str = Field(
        "",
        description="Without accounts: names by which browsers may call the server, with commas between; `*` for any."
        " Addresses, and names without a dot, always may.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of proxies, with commas between, whose X-Forwarded-For and"
        " X-Forwarded-Proto are believed.",
    )
    max_requests_per_minute: int = Field(0, ge=0, description="Requests of one caller in a minute; 0 for any number.")
    max_streams: int = Field(500, ge=1, description="Event streams that a server has open at a time.")
    max_streams_per_caller: int = Field(50, ge=1, description="Event streams that one caller has open at a time.")
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the server listens on; 0 picks a free one.")
    playground: bool = Field(
        False,
        description="Whether who may start runs may also run definitions that the server does not keep: on the page"
        " `/playground`. `umbel demo` and `umbel dev` turn it on.",
    )
    learn: bool = Field(
        False,
        description="Whether the server runs the steps of lessons, which may kill workers: `umbel demo` turns it on.",
    )
    lab: str = Field(
        "",
        description="Folder in which `umbel demo` writes down what it has started, for the failure lab of its server;"
        " set by it.",
    )
    default_queue: str = Field("celery", description="Queue of a task whose definition names none.")
    queue_type: Literal["quorum", "classic"] = Field(
        "quorum", description="Type of the queues that Umbel makes in RabbitMQ; your own Celery app's must be the same."
    )
    partitions: int = Field(1, ge=1, le=256, description="Into how many hash slots runs are spread. Fixed once chosen.")
    heartbeat: float = Field(2.0, gt=0, description="Seconds between two signs of life of a worker or of an attempt.")
    lease: float = Field(
        8.0, gt=0, description="Seconds without a sign of life after which a worker or an attempt is lost."
    )
    max_lost: int = Field(3, ge=1, description="Losses of one task after which it fails as poisoned.")
    redispatch_after: float = Field(
        15.0, gt=0, description="Seconds a released task may stay unclaimed before a spare copy is sent."
    )
    loop_interval: float = Field(0.2, gt=0, description="Seconds between two looks at due retries and lost workers.")
    go_straight_on: bool = Field(
        True,
        description="A worker runs one of the tasks it has just released at once, without a trip through the broker.",
    )
    live_ttl: float = Field(
        600.0, gt=0, description="Seconds that a settled run's keys stay in the state store after SQL has it."
    )
    retention_days: float = Field(30.0, gt=0, description="Days that a finished run stays in the history.")
    retention_runs: int = Field(
        -1, ge=-1, description="Newest runs of each definition that stay in the history; -1 for all."
    )
    secret_key: str = Field(
        "",
        repr=False,
        description="Keys that seal and open secrets in payloads, separated by commas: the first one seals, all open.",
    )
    webhook_secret: str = Field(
        "",
        repr=False,
        description="What webhooks are signed with: `whsec_` and base64; several, separated by commas, sign together."
        " Without one, definitions with webhooks are refused.",
    )
    webhook_allow: str = Field(
        "",
        description="Networks, addresses and host names, separated by commas, that webhooks may reach besides the"
        " public internet.",
    )
    max_payload_bytes: int = Field(1_048_576, ge=1024, description="Largest payload of a run, in bytes of JSON.")
    max_result_bytes: int = Field(4_194_304, ge=1024, description="Largest result of a task, in bytes of JSON.")
    max_log_bytes: int = Field(262_144, ge=0, description="Most captured output kept per attempt, in bytes.")
    store_timeout: float = Field(
        5.0,
        gt=0,
        description="Seconds to wait for one answer of the state store, or of the broker to a message.",
    )
    idempotency_ttl_hours: float = Field(24.0, gt=0, description="Hours that an Idempotency-Key is remembered.")
    workflows_per_page: int = Field(
        1000, ge=1, description="Runs on one page of `GET /api/workflows`, where the request does not say."
    )
    otel: bool = Field(
        False,
        description="Send traces by OTLP (`pip install 'umbel[otel]'`). OTEL_EXPORTER_OTLP_ENDPOINT turns it on, too.",
    )
    xray: Literal["off", "messages", "commands"] = Field(
        "off",
        description="What is recorded of each run for its X-ray: nothing, its messages, or the commands of the embedded"
        " Valkey as well. `umbel demo` and `umbel dev` turn `commands` on.",
    )
    log_format: Literal["text", "json"] = Field("text", description="Form of the lines that server and workers log.")
    model_url: str = Field("http://127.0.0.1:9000", description="The demo's model service.")

    @property
    def traces(self) -> bool:
        """Whether traces are wanted."""
        return self.otel or any(os.environ.get(f"OTEL_EXPORTER_OTLP_{each}ENDPOINT") for each in ("", "TRACES_"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, `.env`, Director's names in both, `pyproject.toml`, in this order."""
        found: dict[str, str | None] = {}
        for source in (dotenv_settings, env_settings):
            assert isinstance(source, EnvSettingsSource)
            found.update(source.env_vars)
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            InitSettingsSource(settings_cls, _from_director(found)),
            PyprojectTomlConfigSettingsSource(settings_cls),
        )


_YES: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
_NO: Final = frozenset({"0", "false", "f", "no", "n", "off"})


def _from_director(found: Mapping[str, str | None]) -> dict[str, Any]:
    """Settings by celery-director's names (its `director/settings.py`), from variables with lower-case names."""
    given = {name.removeprefix("director_"): value for name, value in found.items() if name.startswith("director_")}
    settings: dict[str, Any] = {
        "home": given.get("home"),
        "broker_url": given.get("broker_uri"),
        "url": (given.get("api_url") or "").rstrip("/").removesuffix("/api"),
        "workflows_per_page": given.get("workflows_per_page"),
        "retention_runs": given.get("default_retention_offset"),
    }
    backend = given.get("result_backend_uri") or ""
    if urlsplit(backend).scheme in ("redis", "rediss", "unix"):
        settings["state_url"] = backend
    database = urlsplit(given.get("database_uri") or "")
    if database.scheme.startswith("postgres"):
        settings["database_url"] = urlunsplit(database)
    elif database.scheme == "sqlite" and database.path.strip("/"):
        settings["database_url"] = f"sqlite://{database.path.rpartition('/')[0]}/umbel.db"
    if asked := given.get("auth_enabled"):
        if asked.lower() not in _YES | _NO:
            raise SettingsError(f"DIRECTOR_AUTH_ENABLED: neither true nor false (got {asked!r})")
        settings["auth"] = "basic" if asked.lower() in _YES else "none"
    return {name: value for name, value in settings.items() if value}


def env_file(home: Path) -> Path:
    """The `.env` of the project in `home`; celery-director's `DIRECTOR_CONFIG` may name another file."""
    return Path(os.environ.get("DIRECTOR_CONFIG") or home / ".env")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once.

    Raises:
        SettingsError: a value cannot be used; the message names the setting.
    """
    return load_settings()


def load_settings(**flags: object) -> Settings:
    """Settings with `flags` on top of everything else.

    Raises:
        SettingsError: a value cannot be used; the message names the setting.
    """
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    home = given.get("home") or os.environ.get("UMBEL_HOME") or os.environ.get("DIRECTOR_HOME") or "."
    try:
        # pydantic-settings takes `_env_file`; dataclass_transform hides it from type checkers.
        return Settings(_env_file=(".env", env_file(Path(home))), **given)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = "UMBEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']} (got {first['input']!r})") from error
