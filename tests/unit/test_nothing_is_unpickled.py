"""JSON is all that our apps take, from the broker and from the result backend, and no class is looked up by a name.

(A worker that gets such messages: tests/integration/test_worker_outcomes.py.)
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import SecurityError
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.serialization import loads

from umbel.celery.app import make_app
from umbel.celery.errback import _exception
from umbel.settings import load_settings


@pytest.fixture
def app(tmp_path: Path) -> Celery:
    app = make_app(load_settings(home=tmp_path))
    app.finalize()
    return app


def pickled(trap: Path) -> bytes:
    """What touches a file when it is unpickled."""
    return b"cos\nsystem\n(S'touch " + os.fsencode(trap) + b"'\ntR."


def test_messages(app: Celery, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    yaml = f"!!python/object/apply:os.system ['touch {trap}']"
    assert list(app.conf.accept_content) == ["json"]
    for data, kind, encoding in (
        (pickled(trap), "application/x-python-serialize", "binary"),
        (pickled(trap), "pickle", "binary"),
        (yaml, "application/x-yaml", "utf-8"),
        (b"\x81", "application/x-msgpack", "binary"),
    ):
        with pytest.raises(ContentDisallowed):
            loads(data, kind, encoding, accept={"application/json"})
    assert not trap.exists()


def test_results(app: Celery, tmp_path: Path) -> None:
    """Whatever lies in the backend is read as JSON, or not at all."""
    trap = tmp_path / "trap"
    backend: Any = app.backend
    assert (backend.serializer, set(backend.accept)) == ("json", {"application/json"})
    with pytest.raises(DecodeError):
        backend.decode(pickled(trap))
    assert not trap.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("antigravity", "x"), (None, "os.system")],
)
def test_exceptions(app: Celery, tmp_path: Path, module: str | None, name: str) -> None:
    """CVE-2021-23727: Celery before 5.2.2 called whatever the backend named as an exception's class."""
    trap = tmp_path / "trap"
    told = {"exc_type": name, "exc_module": module, "exc_message": [f"touch {trap}"]}
    meta = json.dumps({"status": "FAILURE", "result": told, "task_id": "x", "traceback": None, "children": []})
    backend: Any = app.backend
    try:
        found = backend.decode_result(meta)["result"]
    except SecurityError:
        found = None
    assert found is None or isinstance(found, Exception)
    ours = _exception({"type": name, "exception": f"touch {trap}"})
    assert isinstance(ours, Exception)
    assert type(ours).__module__ == "celery.exceptions"  # made there, by name alone
    assert "antigravity" not in sys.modules
    assert not trap.exists()
