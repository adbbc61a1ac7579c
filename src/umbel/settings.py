"""Every setting: its environment name, default and meaning.

Owns: the names, defaults and units of all settings.
May import: errors.
Promises: one place to look; a bad value is refused with the setting's name.
"""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import PyprojectTomlConfigSettingsSource

from umbel.errors import SettingsError


class Settings(BaseSettings):
    """From flags, then `UMBEL_*` in the environment, then `.env`, then `[tool.umbel]` in pyproject.toml."""

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
    database_url: str = Field("sqlite:///umbel.db", description="SQL database that holds the history.")
    url: str = Field("http://127.0.0.1:8000", description="Where clients find the server.")
    token: str = Field("", description="API token that clients send.")
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the server listens on; 0 picks a free one.")
    default_queue: str = Field("celery", description="Queue of a task whose definition names none.")
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
    max_payload_bytes: int = Field(1_048_576, ge=1024, description="Largest payload of a run, in bytes of JSON.")
    max_result_bytes: int = Field(4_194_304, ge=1024, description="Largest result of a task, in bytes of JSON.")
    max_log_bytes: int = Field(262_144, ge=0, description="Most captured output kept per attempt, in bytes.")
    store_timeout: float = Field(5.0, gt=0, description="Seconds to wait for one answer of the state store.")
    idempotency_ttl_hours: float = Field(24.0, gt=0, description="Hours that an Idempotency-Key is remembered.")
    model_url: str = Field("http://127.0.0.1:9000", description="The demo's model service.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, `.env`, `pyproject.toml`, in this order."""
        return init_settings, env_settings, dotenv_settings, PyprojectTomlConfigSettingsSource(settings_cls)


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
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "UMBEL_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']} (got {first['input']!r})") from error
