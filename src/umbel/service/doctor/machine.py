"""This machine: versions of what Umbel stands on, what others may see of it."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import umbel
from umbel.service.doctor.examine import PRODUCTION, Told, danger, warning
from umbel.service.models.health import Finding
from umbel.settings import Settings

TESTED: Final = {"celery": "5.7", "kombu": "5.7", "redis": "8.1"}
"""Versions whose inner workings the tests hold on to."""
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
RELEASES: Final = "https://docs.celeryq.dev/en/stable/changelog.html"


def check(settings: Settings, sealed: Sequence[str]) -> Told:
    """Versions and settings, without asking anybody."""
    found = {name: _version(name) for name in TESTED}
    versions = ", ".join(f"{name} {number}" for name, number in found.items())
    about = f"Umbel {umbel.__version__}, Python {platform.python_version()}, {versions}"
    return Told(about, (*judge_versions(found), *judge_settings(settings, sealed)))


def judge_versions(found: Mapping[str, str]) -> Iterator[Finding]:
    """Packages that are older, or newer, than those that are tested."""
    for name, number in found.items():
        series = TESTED[name]
        mine, tested = _series(number), _series(series)
        if mine == tested:
            continue
        old = mine < tested
        yield (danger if old else warning)(
            "version-too-old" if old else "version-untested",
            f"{name} {number}; Umbel is tested with {series}",
            "Older ones lack what Umbel builds on."
            if old
            else "Umbel looks inside it; a newer one may have changed that.",
            f"pip install '{name}~={series}.0'",
            RELEASES,
        )


def judge_settings(settings: Settings, sealed: Sequence[str]) -> Iterator[Finding]:
    """What the settings alone show, and these definitions, which mark parts of their payload as secret."""
    if settings.host not in LOOPBACK and settings.auth == "none":
        yield danger(
            "open-to-all",
            f"UMBEL_HOST = {settings.host} and UMBEL_AUTH = none",
            "Whoever reaches the port may start and cancel runs; the server refuses to listen there.",
            "UMBEL_AUTH=basic, and `umbel user add`; or leave UMBEL_HOST out.",
            PRODUCTION,
        )
    if settings.lease < 3 * settings.heartbeat:
        yield danger(
            "lease-too-short",
            f"UMBEL_LEASE = {settings.lease:g} s and UMBEL_HEARTBEAT = {settings.heartbeat:g} s",
            "One late sign of life makes a living worker count as lost, and its tasks run again.",
            "Let the lease be at least three heartbeats; the default is four.",
            "docs/reference/settings.md",
        )
    if sealed and not settings.secret_key:
        yield danger(
            "secret-key-missing",
            f"UMBEL_SECRET_KEY is empty, and {sealed[0]} marks parts of its payload as secret",
            "Its runs are refused: their secrets could not be sealed.",
            "Set UMBEL_SECRET_KEY to the same value for servers and workers.",
            "docs/reference/settings.md",
        )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0"


def _series(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
