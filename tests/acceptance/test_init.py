"""`umbel init` makes a project whose tests pass and that runs at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.test_director_project import read_until

UMBEL = (sys.executable, "-m", "umbel")


def umbel(*arguments: str, home: Path, **env: str) -> str:
    environment = {**os.environ, **env}
    done = subprocess.run([*UMBEL, *arguments], cwd=home, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_project_runs(tmp_path: Path) -> None:
    home = tmp_path / "shop"
    umbel("init", str(home), home=tmp_path)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    passed = subprocess.run(tests, cwd=home, capture_output=True, text=True, timeout=60)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "2 passed" in passed.stdout

    text = (home / "workflows.yml").read_text()
    (home / "workflows.yml").write_text(text.replace("[CHARGE, PACK]", "[CHARGE, PAKC]"))
    wrong = subprocess.run([*UMBEL, "lint"], cwd=home, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 1
    assert "there is no task 'PAKC'" in wrong.stdout
    assert "Did you mean 'PACK'?" in wrong.stdout
    (home / "workflows.yml").write_text(text)

    with subprocess.Popen([*UMBEL, "dev", "--port", "0"], cwd=home, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = read_until(process, "server: ")
            told = umbel("run", "shop.ORDER", "@order.json", "--watch", home=home, UMBEL_URL=url)
            result = json.loads(told.partition("result: ")[2])
            assert result == {"to": "Ada", "by": "post", "paid": 42.5, "boxes": 1}
            assert "attempt 2 of 4" in told
            run_id = told.split()[1]
            assert "CHARGE: success | PACK: success" in umbel("graph", run_id, home=home, UMBEL_URL=url)
            assert "nothing is wrong" in umbel("lint", home=home, UMBEL_URL=url)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout
            process.stdout.read()
            assert process.wait(20) == 0
