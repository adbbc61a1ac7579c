"""The module `director`, for task files that say `from director import task, config`.

Stands in for celery-director's package where that is not installed. These two names are all that its documentation
has for tasks. (`task` there is Celery's `app.task`, with a base class that records what this package's tracer does.)
"""

import os
import sys
from importlib.util import find_spec
from typing import Final

from umbel.celery.app import task as task

PREFIX: Final = "DIRECTOR_"
HIDDEN: Final = frozenset(
    {
        "ENABLE_HISTORY_MODE",
        "REFRESH_INTERVAL",
        "API_URL",
        "FLOWER_URL",
        "DATABASE_URI",
        "DATABASE_POOL_RECYCLE",
        "BROKER_URI",
        "RESULT_BACKEND_URI",
        "SENTRY_DSN",
    }
)
"""Director's own settings, which its `config` leaves out (`HIDDEN_CONFIG` in its settings.py)."""


class UserConfig(dict[str, str]):
    """The project's settings: each `DIRECTOR_NAME` of the environment as `config["NAME"]` and `config.NAME`."""

    def read(self) -> None:
        """Take what is in the environment now."""
        found = {name.removeprefix(PREFIX): value for name, value in os.environ.items() if name.startswith(PREFIX)}
        self.clear()
        self.update({name: value for name, value in found.items() if name not in HIDDEN})

    def __getattr__(self, name: str) -> str:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"Config '{name}' not defined") from None  # Director's words


config = UserConfig()


def offer() -> None:
    """From now on `import director` works in this process. Call it with the project's `.env` in the environment."""
    config.read()
    spec = find_spec("director")
    # A folder of that name, without code of its own, is no package either.
    if spec is None or not spec.has_location:
        sys.modules["director"] = sys.modules[__name__]
