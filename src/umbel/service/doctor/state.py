"""The state store: what of its settings puts live runs at risk."""

from collections.abc import Iterator
from typing import Final

from umbel.engine.probe import StoreFacts, look
from umbel.service.doctor.examine import PRODUCTION, Told, clock, danger, note, warning
from umbel.service.models.health import Finding

OLDEST: Final = 7
SLOW: Final = 20.0
"""Milliseconds of a round trip that are too many: a run needs about ten calls."""
PERSISTENCE: Final = "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/"
EVICTION: Final = "https://redis.io/docs/latest/develop/reference/eviction/"


def check(url: str, timeout: float) -> Told:
    """Ask the store at `url`. Raises StateUnavailable, SettingsError."""
    facts = look(url, timeout=timeout)
    about = f"{facts.name} {facts.version}, {facts.latency:.1f} ms, {'AOF' if facts.aof else 'no AOF'}"
    return Told(about, tuple(judge(facts)))


def judge(facts: StoreFacts) -> Iterator[Finding]:
    """What is wrong with a store."""
    if _major(facts.version) < OLDEST:
        yield danger(
            "state-version",
            f"{facts.name} {facts.version}",
            "The engine's scripts need version 7 or newer.",
            "Use Valkey, or Redis 7 or newer.",
            PRODUCTION,
        )
    if facts.refuses:
        yield danger(
            "state-refuses-writes",
            f"it refuses a write: {facts.refuses}",
            "No run can go on: it is out of memory, a replica, or cannot write to its disk.",
            "Give it memory or disk, or point UMBEL_STATE_URL at the primary.",
            EVICTION,
        )
    if facts.policy != "noeviction":
        yield danger(
            "state-evicts",
            f"maxmemory-policy = {facts.policy}",
            "When its memory is full it deletes live runs; with noeviction it refuses new ones.",
            "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file.",
            EVICTION,
        )
    if facts.maxmemory and facts.used > 0.8 * facts.maxmemory:
        yield warning(
            "state-memory",
            f"{facts.used // 2**20} of {facts.maxmemory // 2**20} MiB used",
            "When its memory is full, no run can go on.",
            "Raise maxmemory, or lower UMBEL_LIVE_TTL.",
            PRODUCTION,
        )
    if not facts.confirmed:
        yield warning(
            "state-closed",
            "it was started again, and no server has compared it with the history yet",
            "Until then it is closed to workers, so that nothing is done twice.",
            "Start a server; it opens the store within seconds.",
            PRODUCTION,
        )
    yield from _persistence(facts)
    if facts.timeout:
        yield note(
            "state-timeout",
            f"timeout = {facts.timeout} s",
            "It closes connections that are idle for so long; each is opened anew when it is needed.",
            "CONFIG SET timeout 0",
        )
    yield from clock("state-clock", facts.offset, "Retries and leases go by its clock, texts and logs by this one.")
    if facts.latency > SLOW:
        yield warning(
            "state-slow",
            f"a round trip takes {facts.latency:.0f} ms (median of 20)",
            "Each task needs several of them, one after the other.",
            "Put it near the workers and the server.",
            PRODUCTION,
        )


def _persistence(facts: StoreFacts) -> Iterator[Finding]:
    if not facts.aof:
        kept = f"; snapshots: {facts.snapshots}" if facts.snapshots else ""
        yield warning(
            "state-not-persistent",
            f"appendonly = no{kept}",
            "When it restarts, live runs go on from the history: tasks whose end SQL had not heard of run again.",
            "CONFIG SET appendonly yes",
            PERSISTENCE,
        )
    elif facts.fsync == "no":
        yield warning(
            "state-fsync",
            "appendfsync = no",
            "When its machine fails, up to half a minute is lost, and those tasks run again.",
            "CONFIG SET appendfsync everysec",
            PERSISTENCE,
        )


def _major(version: str) -> int:
    head = version.partition(".")[0]
    return int(head) if head.isdigit() else OLDEST
