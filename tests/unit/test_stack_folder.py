"""Holding the data folder."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from umbel.errors import StackError
from umbel.stack.folder import hold

Usage = namedtuple("Usage", "total used free")


def test_the_lock_names_its_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path / "a" / "b"):
            assert (tmp_path / "a" / "b" / "lock").read_text() == f"{os.getpid()}\n"
            assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700, "nobody else may read what is in it"


def test_a_handed_on_lock_stays_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(tmp_path) as lock:
        handed_on = os.dup(lock)  # as a started process has it
    monkeypatch.setattr("umbel.stack.folder._DYING", 0.0)
    monkeypatch.setattr("umbel.stack.folder._alive", lambda pid: False)
    try:
        with pytest.raises(StackError, match=rf"is in use by process {os.getpid()}$"), hold(tmp_path):
            pass
    finally:
        os.close(handed_on)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 2**30, 2**20))
    with pytest.raises(StackError, match=r"disk of the data folder .* is full: 1 MB free"), hold(tmp_path):
        pass
