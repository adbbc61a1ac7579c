"""Doing checks, all at once, each within its time; and keeping passwords out of what they say."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import umbel
from umbel.errors import UmbelError
from umbel.service.models.health import Finding, Health, Severity
from umbel.settings import Settings

PATIENCE: Final = 5.0
"""Seconds that one check may take."""
CLOCK: Final = 1000.0
"""Milliseconds that two clocks may differ."""
ERRORS: Final = "docs/reference/errors.md"
PRODUCTION: Final = "docs/howto/production.md"
TROUBLE: Final = "docs/howto/troubleshooting.md"
_ORDER: Final[tuple[Severity, ...]] = ("danger", "warning", "note")


@dataclass(frozen=True, slots=True)
class Told:
    """What a check says: its part in a few words, and what is wrong with it."""

    about: str
    findings: tuple[Finding, ...] = ()


Check = Callable[[], Told]


def danger(id: str, what: str, why: str, fix: str, source: str = TROUBLE) -> Finding:
    """Something does not work, or loses work."""
    return Finding(id=id, severity="danger", what=what, why=why, fix=fix, source=source)


def warning(id: str, what: str, why: str, fix: str, source: str = TROUBLE) -> Finding:
    """Something may go wrong."""
    return Finding(id=id, severity="warning", what=what, why=why, fix=fix, source=source)


def note(id: str, what: str, why: str, fix: str, source: str = TROUBLE) -> Finding:
    """Good to know."""
    return Finding(id=id, severity="note", what=what, why=why, fix=fix, source=source)


def clock(id: str, ahead: float, why: str) -> list[Finding]:
    """A clock that is so many ms ahead of this machine's, if that is too much."""
    if abs(ahead) <= CLOCK:
        return []
    how = f"its clock is {abs(ahead) / 1000:.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    return [warning(id, how, why, "Let all machines keep their time with NTP.")]


def examine(checks: Mapping[str, Check], settings: Settings, *, patience: float = PATIENCE) -> Health:
    """Do all checks at the same time. Never raises, and returns within `patience` seconds, whatever they wait for.

    A thread that still waits then is left alone; it ends with the process.
    """
    done: dict[str, Told] = {}
    threads = [
        threading.Thread(target=_do, args=(name, check, done), name=f"doctor-{name}", daemon=True)
        for name, check in checks.items()
    ]
    until = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    told = {name: done.get(name) or _silent(name, patience) for name in checks}
    hidden = _passwords(settings)
    findings = [_clean(each, hidden) for one in told.values() for each in one.findings]
    findings.sort(key=lambda each: _ORDER.index(each.severity))
    return Health(
        ok=all(each.severity != "danger" for each in findings),
        version=umbel.__version__,
        checked={name: _hide(one.about, hidden) for name, one in told.items()},
        findings=findings,
    )


def _do(name: str, check: Check, done: dict[str, Told]) -> None:
    try:
        done[name] = check()
    except UmbelError as error:
        what = danger(
            f"{_id(name)}-unavailable", str(error), f"The {name} is needed.", error.hint or "Look there.", ERRORS
        )
        done[name] = Told("not available", (what,))
    except Exception as error:
        what = danger(
            f"{_id(name)}-unchecked",
            f"{type(error).__name__}: {error}",
            "This check has failed itself.",
            "Report it, with this text.",
            TROUBLE,
        )
        done[name] = Told("could not be checked", (what,))


def _id(name: str) -> str:
    return name.replace(" ", "-")


def _silent(name: str, patience: float) -> Told:
    what = danger(
        f"{_id(name)}-silent",
        f"the check of the {name} had no answer within {patience:g} s",
        "Somebody takes connections, or packets, and says nothing: a process that stands still, a wrong address, a"
        " firewall.",
        "See whether the process runs, and whether its port answers from this machine.",
    )
    return Told(f"no answer within {patience:g} s", (what,))


def _passwords(settings: Settings) -> set[str]:
    """Everything that must not be said."""
    found = {settings.password, settings.token}
    for name in ("broker_url", "state_url", "result_url", "database_url", "url"):
        for address in str(getattr(settings, name)).split(";"):
            try:
                password = urlsplit(address).password or ""
            except ValueError:
                continue
            found |= {password, unquote(password)}
    return {each for each in found if each}


def _hide(text: str, hidden: Iterable[str]) -> str:
    for each in sorted(hidden, key=len, reverse=True):
        text = text.replace(each, "***")
    return text


def _clean(finding: Finding, hidden: Iterable[str]) -> Finding:
    return finding.model_copy(update={name: _hide(getattr(finding, name), hidden) for name in ("what", "why", "fix")})
