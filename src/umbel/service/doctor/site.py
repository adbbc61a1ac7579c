"""An installation, and the checks that are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from umbel.plan.model import Plan
from umbel.service.doctor import broker, fleet, history, machine, state
from umbel.service.doctor.examine import Check
from umbel.settings import Settings

ANSWER: Final = 2.0
"""Seconds that one answer is waited for: a check may need more than one."""


@dataclass(slots=True)
class Site:
    """An installation as its settings say; `plans` are those of its definitions that can be started."""

    settings: Settings
    plans: Mapping[str, Plan] = field(default_factory=dict)
    sealed: Sequence[str] = ()
    """Definitions that mark parts of their payload as secret."""


def checks(site: Site) -> dict[str, Check]:
    """What can be looked at from a server as well as from a terminal, by the name of the part."""
    settings = site.settings.model_copy(update={"store_timeout": min(ANSWER, site.settings.store_timeout)})
    timeout = settings.store_timeout
    return {
        "machine": partial(machine.check, site.settings, site.sealed),
        "broker": partial(broker.check, settings, timeout),
        "state store": partial(state.check, settings.state_url, timeout),
        "database": partial(history.check, settings.database_url),
        "workers": partial(fleet.check, settings, site.plans),
        "runs": partial(history.check_runs, settings),
    }
