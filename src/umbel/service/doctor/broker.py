"""The broker: whether messages get through, and whether it is something else at the same time."""

from collections.abc import Iterator

from umbel.celery.address import check_broker
from umbel.celery.probe import BrokerFacts, look
from umbel.engine.probe import mark
from umbel.errors import UmbelError
from umbel.service.doctor.examine import PRODUCTION, Told, warning
from umbel.service.doctor.state import EVICTION
from umbel.service.models.health import Finding
from umbel.settings import Settings


def check(settings: Settings, timeout: float) -> Told:
    """Send a message and fetch it. Raises BrokerUnavailable, SettingsError."""
    check_broker(settings.broker_url)
    try:
        key = mark(settings.state_url, timeout=timeout)
    except UmbelError:  # the other check says so
        key = None
    facts = look(settings, timeout=timeout, mark=key)
    return Told(f"{facts.address}; a message went there and back", tuple(judge(facts)))


def judge(facts: BrokerFacts) -> Iterator[Finding]:
    """What is wrong with a broker that works."""
    if facts.has_mark:
        yield warning(
            "one-redis-database",
            f"the broker {facts.address} and the state store are the same Redis database",
            "Whoever empties it to be rid of messages deletes the live runs too.",
            "Use another database number (the /0 at the end), or better another Redis: UMBEL_STATE_URL.",
            PRODUCTION,
        )
    if facts.server is not None and facts.server.policy != "noeviction":
        yield warning(
            "broker-evicts",
            f"maxmemory-policy of the broker = {facts.server.policy}",
            "When its memory is full it deletes messages; Umbel sends its own again, others are lost.",
            "CONFIG SET maxmemory-policy noeviction",
            EVICTION,
        )
