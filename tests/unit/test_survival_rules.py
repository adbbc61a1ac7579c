"""Each rule of `umbel check-app`: facts that it speaks about, and facts about which it is silent."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.app.defaults import DEFAULTS

from umbel.celery.survival.check import RULES, check, verdict
from umbel.celery.survival.record import (
    SETTINGS,
    AppFacts,
    QueueFacts,
    Seen,
    ServerFacts,
    TaskFacts,
    Wait,
    duration,
)

ROOT = Path(__file__).resolve().parents[2]
QUORUM = QueueFacts(name="q", quorum=True)
SERVER = ServerFacts(version="9", policy="allkeys-lru", maxmemory=10**6, aof=False, snapshots="", replicas=1)
SAFE_SERVER = ServerFacts(version="9", policy="noeviction", maxmemory=10**6, aof=True, snapshots="", replicas=0)
BEAT = {"tick": {"task": "t", "schedule": 60}}
CANCEL = "worker_cancel_long_running_tasks_on_connection_loss"


def facts(*tasks: TaskFacts, **more: Any) -> AppFacts:
    """Celery's defaults; an argument that is a setting's name sets it."""
    settings = {key: DEFAULTS[key] for key in SETTINGS} | {key: more.pop(key) for key in SETTINGS if key in more}
    settings["worker_pool"] = settings["worker_pool"] or "prefork"
    return AppFacts(name="shop:app", tasks=tasks, settings=settings, **more)


def early(name: str = "early", **more: Any) -> TaskFacts:
    return TaskFacts(name=name, **more)


def late(name: str = "late", **more: Any) -> TaskFacts:
    return TaskFacts(name=name, acks_late=True, **more)


def kept(**more: Any) -> TaskFacts:
    return late("kept", reject_on_worker_lost=True, **more)


def again(**more: Any) -> TaskFacts:
    return late("again", reject_on_worker_lost=True, retry_on_worker_lost=True, **more)


def short(seconds: float) -> dict[str, float]:
    return {"visibility_timeout": seconds}


CASES: dict[str, tuple[list[AppFacts], list[AppFacts]]] = {
    "eager": ([facts(early(), task_always_eager=True)], [facts(early())]),
    "no-redelivery": (
        [facts(late(), transport=kind) for kind in ("memory", "filesystem", "sqlalchemy", "mongodb")]
        + [facts(late(), options={"ack_emulation": False})],
        [facts(late(), transport=kind) for kind in ("redis", "amqp", "sqs")],
    ),
    "early-ack": (
        [facts(early()), facts(), facts(late(), early(), task_acks_late=True)],
        [facts(late()), facts(task_acks_late=True), facts(early(), task_always_eager=True)],
    ),
    "worker-lost": (
        [facts(late()), facts(late(), task_reject_on_worker_lost=True)],
        [
            facts(kept()),
            facts(early()),
            facts(late(retry_on_worker_lost=True)),
            facts(late(), worker_pool="threads"),
        ],
    ),
    "poison": (
        [facts(kept()), facts(kept(), transport="amqp", queues=(QUORUM, QueueFacts(name="classic")))],
        [facts(again()), facts(late()), facts(kept(), transport="amqp", queues=(QUORUM,))],
    ),
    "timeout-loop": (
        [facts(late(acks_on_timeout=False, time_limit=9))],
        [
            facts(late(acks_on_timeout=False)),
            facts(early(acks_on_timeout=False, time_limit=9)),
            facts(late(time_limit=9)),
        ],
    ),
    "dropped-failure": (
        [facts(late(acks_on_failure=False))],
        [facts(late()), facts(early(acks_on_failure=False))],
    ),
    "twice": ([facts(late())], [facts(early())]),
    "pause-over-visibility": (
        [
            facts(early(), waits=(Wait(3601, "shop, line 3"),)),
            facts(early(pause=61), options=short(60)),
            facts(early(pause=1801), transport="sqs"),
        ],
        [
            facts(early(pause=3600), waits=(Wait(3600, "shop, line 3"),)),
            facts(early(pause=7200), transport="amqp"),
            facts(early(pause=7200), options=short(7200)),
        ],
    ),
    "run-over-visibility": (
        [facts(late(time_limit=3601)), facts(late(soft_time_limit=90), options=short(60))],
        [facts(late(time_limit=3600)), facts(early(time_limit=7200)), facts(late(time_limit=7200), transport="amqp")],
    ),
    "slow-redelivery": (
        [facts(late()), facts(early(pause=300))],
        [facts(late(), options=short(600)), facts(late(time_limit=3000)), facts(late(), transport="amqp")],
    ),
    "no-time-limit": ([facts(early()), facts(early(time_limit=3), late())], [facts(early(soft_time_limit=3))]),
    "pool-without-limits": (
        [facts(early(time_limit=3), worker_pool="threads"), facts(early(soft_time_limit=3), worker_pool="solo")],
        [facts(early(time_limit=3)), facts(early(), worker_pool="threads")],
    ),
    "prefetch": (
        [facts(early()), facts(early(), worker_prefetch_multiplier=0)],
        [facts(early(), worker_prefetch_multiplier=1), facts(early(), worker_disable_prefetch=True)],
    ),
    "rabbitmq-timeout": (
        [
            facts(late(time_limit=1801), transport="amqp"),
            facts(early(), waits=(Wait(1801, "shop, line 1"),), transport="amqp"),
        ],
        [
            facts(early(time_limit=1801), transport="amqp"),
            facts(late(time_limit=1801)),
            facts(late(time_limit=1800, pause=1800), transport="amqp"),
        ],
    ),
    "no-soft-shutdown": (
        [facts(late())],
        [facts(early()), facts(late(), worker_soft_shutdown_timeout=8.0), facts(late(), transport="amqp")],
    ),
    "rpc-results": ([facts(early(), backend="rpc")], [facts(early(), backend="redis")]),
    "no-result-backend": ([facts(early())], [facts(early(), backend="redis")]),
    "results-expire": (
        [
            facts(early(time_limit=61), backend="redis", result_expires=60),
            facts(early(pause=61), backend="redis", result_expires=timedelta(minutes=1)),
            facts(early(time_limit=61), backend="redis", result_chord_expires=60),
        ],
        [
            facts(early(time_limit=61), result_expires=60),
            facts(early(time_limit=61), backend="redis"),
            facts(early(time_limit=61), backend="redis", result_expires=None),
            facts(early(time_limit=61), backend="redis", result_expires=60, result_chord_expires=70),
            facts(early(), backend="redis", result_expires=60),
        ],
    ),
    "ignored-results": (
        [facts(early(ignore_result=True), backend="redis")],
        [facts(early(ignore_result=True)), facts(early(), backend="redis")],
    ),
    "untracked-start": (
        [facts(early(), backend="redis")],
        [facts(early(track_started=True), backend="redis"), facts(early())],
    ),
    "redis-window": ([facts(early())], [facts(early(), transport="amqp")]),
    "runs-on": ([facts(late())], [facts(early()), facts(late(), **{CANCEL: True})]),
    "no-reconnect": ([facts(early(), broker_connection_retry=False)], [facts(early())]),
    "no-health-check": (
        [facts(early(), options={"health_check_interval": 0})],
        [facts(early()), facts(early(), options={"health_check_interval": 0}, transport="amqp")],
    ),
    "no-socket-timeout": (
        [facts(early())],
        [facts(early(), options={"socket_timeout": 5}), facts(early(), transport="amqp")],
    ),
    "unconfirmed": (
        [facts(early(), transport="amqp")],
        [facts(early(), transport="amqp", options={"confirm_publish": True}), facts(early())],
    ),
    "transient": (
        [
            facts(early(), transport="amqp", task_default_delivery_mode=1),
            facts(early(), transport="amqp", task_default_delivery_mode="transient"),
            facts(early(), transport="amqp", queues=(QueueFacts(name="q", durable=False),)),
        ],
        [
            facts(early(), transport="amqp", queues=(QueueFacts(name="q"),)),
            facts(early(), task_default_delivery_mode=1),
        ],
    ),
    "quorum-qos": (
        [facts(early(), transport="amqp", queues=(QUORUM,), worker_detect_quorum_queues=False)],
        [
            facts(early(), transport="amqp", queues=(QUORUM,)),
            facts(early(), transport="amqp", worker_detect_quorum_queues=False),
        ],
    ),
    "quorum-pause": (
        [facts(early(pause=3), transport="amqp", queues=(QUORUM,))],
        [
            facts(early(), transport="amqp", queues=(QUORUM,)),
            facts(early(pause=3), transport="amqp", queues=(QueueFacts(name="q", quorum=True, direct=False),)),
            facts(early(pause=3), transport="amqp", queues=(QueueFacts(name="q"),)),
        ],
    ),
    "delivery-limit": (
        [facts(late(), transport="amqp", queues=(QUORUM,))],
        [
            facts(early(), transport="amqp", queues=(QUORUM,)),
            facts(late(), transport="amqp", queues=(QueueFacts(name="q", quorum=True, dead_letters=True),)),
            facts(late(), transport="amqp", queues=(QueueFacts(name="q", quorum=True, delivery_limit=-1),)),
            facts(late(), transport="amqp", queues=(QueueFacts(name="q"),)),
        ],
    ),
    "pickle": (
        [
            facts(early(), accept_content=["json", "pickle"]),
            facts(early(), accept_content=["application/x-python-serialize"]),
        ],
        [facts(early())],
    ),
    "one-beat": (
        [facts(early(), beat_schedule=BEAT)],
        [facts(early()), facts(early(), beat_schedule=BEAT, beat_scheduler="redbeat.RedBeatScheduler")],
    ),
    "memory-limit": ([facts(early(), worker_max_memory_per_child=200_000)], [facts(early())]),
    "eviction": (
        [facts(early(), server=SERVER)],
        [
            facts(early()),
            facts(early(), server=SAFE_SERVER),
            facts(early(), server=replace(SERVER, maxmemory=0)),
        ],
    ),
    "no-append-only-file": (
        [facts(early(), server=SERVER)],
        [facts(early()), facts(early(), server=SAFE_SERVER)],
    ),
    "replica-lag": ([facts(early(), server=SERVER)], [facts(early()), facts(early(), server=SAFE_SERVER)]),
}  # fmt: skip
"""Rule -> (it speaks, it is silent)."""


def look(rule: str, app: AppFacts) -> Seen | None:
    return next(each for each in RULES if each.id == rule).look(app)


def finding(rule: str, app: AppFacts) -> Any:
    return next(each for each in check(app) if each.id == rule)


def test_every_rule_is_in_the_table() -> None:
    assert {rule.id for rule in RULES} == set(CASES)
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(("rule", "app"), [(rule, app) for rule, (loud, _) in CASES.items() for app in loud])
def test_a_rule_speaks(rule: str, app: AppFacts) -> None:
    assert look(rule, app)


@pytest.mark.parametrize(("rule", "app"), [(rule, app) for rule, (_, silent) in CASES.items() for app in silent])
def test_a_rule_is_silent(rule: str, app: AppFacts) -> None:
    assert look(rule, app) is None


def test_every_rule_is_explained() -> None:
    """With a reason, what happens, a line of code and a source; and it is on the page of the manual."""
    page = (ROOT / "docs/howto/check-app.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if not (rule.why and rule.kill and rule.fix and rule.source)] == []
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_files_that_a_rule_names_are_in_the_installed_version(rule: Any) -> None:
    import celery

    home = Path(celery.__file__).parents[1]
    named = re.findall(r"\b(?:celery|kombu|billiard|amqp)/[\w/]+(?:\.py)?", re.sub(r"https?://\S+", "", rule.source))
    assert [path for path in named if not (home / path).exists()] == []


def test_severity_follows_the_facts() -> None:
    assert finding("slow-redelivery", facts(late())).severity == "warning"
    assert finding("slow-redelivery", facts(early())).severity == "note"
    assert finding("no-time-limit", facts(late())).severity == "warning"
    assert finding("no-time-limit", facts(late(), transport="amqp")).severity == "note"
    assert finding("no-result-backend", facts(early(), chords=("shop",))).severity == "danger"
    assert finding("rpc-results", facts(early(), backend="rpc", chords=("shop",))).severity == "danger"
    assert finding("prefetch", facts(early(time_limit=60))).severity == "warning"
    assert finding("prefetch", facts(early())).severity == "note"
    volatile = replace(SERVER, policy="volatile-lru")
    assert finding("eviction", facts(early(), server=volatile)).severity == "warning"


def test_the_worst_comes_first() -> None:
    order = [finding.severity for finding in check(facts(late(), early(time_limit=60)))]
    assert order == sorted(order, key=("danger", "warning", "note").index)
    assert set(order) == {"danger", "warning", "note"}


def test_a_finding_says_where_a_value_comes_from_and_how_to_change_it() -> None:
    app = facts(late(time_limit=90), options={"visibility_timeout": 60, "sep": "x"})
    seen = finding("run-over-visibility", app)
    assert seen.what == "broker_transport_options['visibility_timeout'] = 60 (set); the time limit of late is 90 s"
    assert seen.tasks == ("late",)
    assert seen.fix == (
        'app.conf.broker_transport_options = {**app.conf.broker_transport_options, "visibility_timeout": 600}  # 10 min'
    )
    app = facts(early(), origins={"task_acks_late": "set in the app"})
    assert finding("early-ack", app).what == "task_acks_late = False (set in the app)"
    covered = finding("early-ack", facts(early(retry_on_worker_lost=True))).what
    assert covered.endswith("retry_on_worker_lost covers pool processes that die alone")
    assert finding("one-beat", facts(early(), beat_schedule=BEAT)).what.startswith("beat_schedule has tick; ")
    assert "(Celery's default)" in finding("early-ack", facts(early())).what


@pytest.mark.parametrize(
    ("app", "lost"),
    [
        (facts(early("a"), early("b")), "what it runs of all 2 tasks"),
        (facts(early("a"), again()), "what it runs of a. The rest runs again after up to 1 h"),
        (
            facts(early("a"), late()),
            "what it runs of a; of late what a pool process runs, if only that is killed. "
            "The rest runs again after up to 1 h",
        ),
        (facts(again()), "nothing but what is just being fetched; what it runs runs again after up to 1 h"),
        (facts(again(), transport="amqp"), "nothing; what it runs runs again as soon as the connection ends"),
        (facts(again(), transport="memory"), "everything it runs or has fetched; memory gives nothing again"),
        (facts(again(), task_always_eager=True), "everything it runs; no broker knows of it"),
        (facts(), "nothing that could be seen: the app has no tasks"),
        (
            facts(*(early(name) for name in "abcde"), again()),
            "what it runs of a, b, c and 2 more. The rest runs again after up to 1 h",
        ),
    ],
)
def test_the_verdict_names_what_is_lost(app: AppFacts, lost: str) -> None:
    assert verdict(app) == f"kill -9 of a worker loses: {lost}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90, "90 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (12960, "3.6 h"), (172800, "2 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
