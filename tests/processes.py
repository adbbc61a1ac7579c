"""Looking at processes from tests."""

import subprocess


def gone(pid: int) -> bool:
    """No process has this id, or only a zombie that its parent has not collected yet."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] in ("", "Z")
