"""The database: its schema, whether a commit is on disk, its disk; and the runs in it that do not go on."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from umbel.engine.engine import Engine
from umbel.errors import UmbelError
from umbel.service.doctor.examine import PRODUCTION, Told, clock, danger, note, warning
from umbel.service.models.health import Finding
from umbel.service.phrases import listed
from umbel.service.umbel import now_ms
from umbel.settings import Settings
from umbel.store import RunRow, Store
from umbel.store.probe import HistoryFacts, look, sqlite_file

FREE: Final = 1 << 30
"""Bytes of free disk below which it is time to act."""
NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph", "lustre"})
LAG: Final = 5_000
"""Milliseconds that the history may be behind the state store."""
LATE: Final = 30_000
"""Milliseconds after which a run should be launched, or found again."""
SILENT: Final = 3_600_000
SQLITE_WAL: Final = "https://www.sqlite.org/wal.html"
COMMIT: Final = "https://www.postgresql.org/docs/current/runtime-config-wal.html"


def check(url: str) -> Told:
    """Ask the database. Raises HistoryUnavailable, SettingsError."""
    path = sqlite_file(url)
    if path is not None and not path.exists():
        missing = note(
            "history-empty",
            f"there is no file {path} yet",
            "The history begins when a server first starts.",
            "umbel server",
        )
        return Told("SQLite, no file yet", (missing,))
    facts = look(url)
    kind = _file_system(facts.folder) if facts.folder else ""
    free = shutil.disk_usage(facts.folder).free if facts.folder else None
    return Told(f"{facts.kind} {facts.version}, schema {facts.revision or 'empty'}", tuple(judge(facts, kind, free)))


def judge(facts: HistoryFacts, file_system: str = "", free: int | None = None) -> Iterator[Finding]:
    """What is wrong with a database on this kind of file system with so many free bytes."""
    if facts.revision != facts.needed:
        yield danger(
            "history-schema",
            f"its schema is {facts.revision or 'empty'}, this version needs {facts.needed}",
            "The server does not start with another schema.",
            "umbel db upgrade",
            PRODUCTION,
        )
    if facts.kind == "PostgreSQL" and facts.commit == "off":
        yield danger(
            "history-commit",
            "synchronous_commit = off",
            "An accepted run may be lost when PostgreSQL's machine fails.",
            "ALTER ROLE ... SET synchronous_commit = on",
            COMMIT,
        )
    if facts.kind == "SQLite" and facts.journal.lower() != "wal":
        yield warning(
            "history-journal",
            f"journal_mode = {facts.journal}",
            "Readers wait for the writer; SQLite could not switch to WAL.",
            "Put the file on a local disk.",
            SQLITE_WAL,
        )
    if file_system in NETWORK:
        yield danger(
            "history-network-disk",
            f"the SQLite file is on {file_system}",
            "SQLite's locks and WAL do not work on network file systems; the history can be damaged.",
            "Put it on a local disk, or use PostgreSQL: UMBEL_DATABASE_URL.",
            SQLITE_WAL,
        )
    if free is not None and free < FREE:
        yield warning(
            "disk-full",
            f"{free / 2**20:.0f} MiB are free where the history is",
            "When the disk is full no run is accepted.",
            "Make room, or lower UMBEL_RETENTION_DAYS.",
            PRODUCTION,
        )
    yield from clock("history-clock", facts.offset, "Schedules go by its clock.")


def check_runs(settings: Settings) -> Told:
    """How far the history is behind, and runs that do not go on. Nothing if a store is away: others say so."""
    path = sqlite_file(settings.database_url)
    if path is not None and not path.exists():
        return Told("none yet")
    with closing(Store(settings.database_url)) as store, closing(Engine.open(settings, if_confirmed=False)) as engine:
        try:
            now = now_ms()
            live = len(store.live_runs(limit=1000))
            return Told(f"{live} live", tuple(_runs(store, engine, now)))
        except UmbelError:
            return Told("not looked at, since a store does not answer")


def _runs(store: Store, engine: Engine, now: int) -> Iterator[Finding]:
    lag = max((behind(engine.newest_event(each), store.position(each)) for each in engine.partitions), default=0)
    if lag > LAG:
        yield warning(
            "history-behind",
            f"the history is {lag / 1000:.0f} s behind the state store",
            "What is shown is old; runs themselves go on.",
            "Is a server running, and does the database keep up?",
        )
    if paused := sorted(name for name, row in store.schedules().items() if row.paused):
        yield note(
            "schedule-paused",
            f"paused schedules: {listed(paused)}",
            "They start no runs until they are resumed.",
            f"umbel schedules resume {paused[0]}",
        )
    if late := store.unlaunched_runs(now - LATE, limit=100):
        yield danger(
            "runs-not-launched",
            f"{len(late)} accepted runs wait for their launch since {LATE // 1000} s: {_names(late)}",
            "A server launches them, once the state store answers.",
            "Start a server; `umbel why RUN` says what it waits for.",
        )
    silent = store.launched_runs(now - LATE, limit=500)
    known = engine.knows([run.id for run in silent])
    if lost := [run.id for run, there in zip(silent, known, strict=True) if not there]:
        yield danger(
            "runs-lost",
            f"the state store does not know {len(lost)} live runs: {listed(lost, 3)}",
            "It has lost its data; a server lets them go on from the history.",
            "Start a server. Is UMBEL_STATE_URL the right one?",
        )
    if stuck := [run.id for run, there in zip(silent, known, strict=True) if there and run.updated_at < now - SILENT]:
        yield note(
            "runs-silent",
            f"{len(stuck)} runs have been silent for over an hour: {listed(stuck, 3)}",
            "They may wait for a person or for a worker, or run for long.",
            f"umbel why {stuck[0]}",
        )


def _names(runs: Sequence[RunRow]) -> str:
    return listed([run.id for run in runs], 3)


def behind(newest: str, position: str) -> int:
    """By how many ms a position is behind the newest event; stream ids begin with their time."""
    at, upto = (int(each.partition("-")[0] or 0) for each in (newest, position))
    return max(0, at - upto) if upto else (1 if at else 0)


def _file_system(folder: Path) -> str:
    """Its type, by the longest mount point above it (Linux); empty where that is not known."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mounts = [(parts[1], parts[2]) for line in lines if len(parts := line.split()) > 2]
    above = [(len(point), kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(above)[1] if above else ""
