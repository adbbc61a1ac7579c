"""Rules on the way to the broker and back, on the broker itself, and on what sends messages by the clock."""

from typing import Final

from umbel.celery.survival.record import (
    DOCS,
    RABBIT,
    REDIS,
    AppFacts,
    QueueFacts,
    Rule,
    Seen,
    pauses,
    setting_page,
)

_PICKLE: Final = {"pickle", "application/x-python-serialize"}


def redis_window(app: AppFacts) -> Seen | None:
    """Fetching and remembering are two steps."""
    return Seen(f"broker {app.broker}") if app.transport == "redis" else None


def keeps_running(app: AppFacts) -> Seen | None:
    """A task whose message was given away goes on."""
    key = "worker_cancel_long_running_tasks_on_connection_loss"
    return Seen.of(app.said(key), app.late) if app.late and not app.settings[key] else None


def no_reconnect(app: AppFacts) -> Seen | None:
    """The worker ends when the broker was away."""
    return None if app.settings["broker_connection_retry"] else Seen(app.said("broker_connection_retry"))


def no_health_check(app: AppFacts) -> Seen | None:
    """A dead connection to Redis is not noticed."""
    if app.transport != "redis" or app.options.get("health_check_interval", 25):
        return None
    return Seen(app.option("health_check_interval", 25), fix=app.with_option("health_check_interval", 25))


def no_socket_timeout(app: AppFacts) -> Seen | None:
    """A command to Redis may wait for ever."""
    if app.transport != "redis" or app.options.get("socket_timeout"):
        return None
    return Seen(app.option("socket_timeout", None), fix=app.with_option("socket_timeout", 30))


def unconfirmed(app: AppFacts) -> Seen | None:
    """RabbitMQ may drop what was published, and nobody hears of it."""
    if app.transport != "amqp" or app.options.get("confirm_publish"):
        return None
    return Seen(app.option("confirm_publish", False), fix=app.with_option("confirm_publish", True))


def transient(app: AppFacts) -> Seen | None:
    """Messages that a restart of RabbitMQ deletes."""
    if app.transport != "amqp":
        return None
    if app.settings["task_default_delivery_mode"] in (1, "1", "transient"):
        return Seen(app.said("task_default_delivery_mode"))
    weak = [queue.name for queue in app.queues if not queue.durable]
    return Seen(f"queues with durable = False: {', '.join(weak)}", fix="Queue(..., durable=True)") if weak else None


def _quorum(app: AppFacts) -> list[QueueFacts]:
    return [queue for queue in app.queues if queue.quorum] if app.transport == "amqp" else []


def _named(queues: list[QueueFacts]) -> str:
    return f"quorum queues {', '.join(queue.name for queue in queues)}"


def quorum_qos(app: AppFacts) -> Seen | None:
    """RabbitMQ refuses what the worker asks for."""
    queues = _quorum(app)
    if not queues or app.settings["worker_detect_quorum_queues"]:
        return None
    return Seen(f"{app.said('worker_detect_quorum_queues')}; {_named(queues)}")


def quorum_pause(app: AppFacts) -> Seen | None:
    """Delayed tasks block a worker."""
    direct = [queue for queue in _quorum(app) if queue.direct]
    waits = pauses(app)
    if not direct or not waits:
        return None
    names = (task for task in app.tasks if task.pause)
    return Seen.of(f"{_named(direct)} with a direct exchange; {max(waits)[1]}", names)


def delivery_limit(app: AppFacts) -> Seen | None:
    """A message that was given away too often is dropped."""
    dropping = [queue for queue in _quorum(app) if not queue.dead_letters and (queue.delivery_limit or 0) >= 0]
    if not dropping or not app.late:
        return None
    return Seen.of(f"{_named(dropping)} without a dead letter exchange", app.late)


def pickled(app: AppFacts) -> Seen | None:
    """Messages may hold code."""
    accepted = {str(kind) for kind in app.settings["accept_content"] or ()}
    return Seen(app.said("accept_content")) if accepted & _PICKLE else None


def one_beat(app: AppFacts) -> Seen | None:
    """A scheduler that nothing guards."""
    entries = app.settings["beat_schedule"]
    if not entries or "PersistentScheduler" not in str(app.settings["beat_scheduler"]):
        return None
    return Seen(f"beat_schedule has {', '.join(sorted(map(str, entries)))[:80]}; {app.said('beat_scheduler')}")


def memory_limit(app: AppFacts) -> Seen | None:
    """A limit that is looked at too late."""
    if not app.settings["worker_max_memory_per_child"]:
        return None
    limits = (app.said(key) for key in ("worker_max_memory_per_child", "worker_max_tasks_per_child"))
    return Seen("; ".join(limits))


def evicting(app: AppFacts) -> Seen | None:
    """Redis throws keys away when its memory is full."""
    server = app.server
    if server is None or not server.maxmemory or server.policy == "noeviction":
        return None
    every = server.policy.startswith("allkeys")
    return Seen(
        f"maxmemory-policy {server.policy}, maxmemory {server.maxmemory:,} bytes (asked of the broker)",
        severity="danger" if every else "warning",
    )


def forgetful(app: AppFacts) -> Seen | None:
    """A restart of Redis loses what waits."""
    if app.server is None or app.server.aof:
        return None
    saves = app.server.snapshots
    shots = "its snapshots are unknown" if saves is None else f"snapshots: {saves}" if saves else "no snapshots either"
    return Seen(f"appendonly no, {shots} (asked of the broker)")


def lagging(app: AppFacts) -> Seen | None:
    """A replica may not have the last messages."""
    if app.server is None or not app.server.replicas:
        return None
    return Seen(f"connected_slaves {app.server.replicas} (asked of the broker)")


RULES: Final = (
    Rule(
        id="redis-window",
        severity="note",
        look=redis_window,
        why="kombu fetches a message with BRPOP and writes it to its list of unacknowledged ones with a second "
        "command; in between it is nowhere.",
        kill="With all settings right, a message that was just then on its way is lost: we measured 2 of 12,000 in "
        "20 kills under load.",
        fix="app.conf.broker_url = 'amqp://localhost'  # if that is too many",
        source="kombu/transport/redis.py, Channel._brpop_read and QoS.append",
        moot=True,
    ),
    Rule(
        id="runs-on",
        severity="warning",
        look=keeps_running,
        why="When the connection breaks, the broker gives unacknowledged messages to others, while this worker "
        "goes on with them and can no longer acknowledge.",
        kill="Nothing more; but each reset connection has late acknowledged tasks run twice at the same time.",
        fix="app.conf.worker_cancel_long_running_tasks_on_connection_loss = True",
        source=setting_page("worker_cancel_long_running_tasks_on_connection_loss"),
        moot=True,
    ),
    Rule(
        id="no-reconnect",
        severity="warning",
        look=no_reconnect,
        why="The worker ends itself when the connection to the broker is lost.",
        kill="Of the broker: all workers go with it, and do not come back by themselves.",
        fix="app.conf.broker_connection_retry = True",
        source=f"{setting_page('broker_connection_retry')}; celery/worker/consumer/consumer.py, Consumer.start",
        moot=False,
    ),
    Rule(
        id="no-health-check",
        severity="warning",
        look=no_health_check,
        why="kombu no longer checks its waiting connections; one that died without a word (failover, firewall) is "
        "waited on for ever.",
        kill="Of the Redis machine: workers look alive and fetch nothing until they are restarted.",
        fix='app.conf.broker_transport_options = {"health_check_interval": 25}',
        source="kombu/transport/redis.py, `health_check_interval`; celery issue #8030",
        moot=False,
    ),
    Rule(
        id="no-socket-timeout",
        severity="note",
        look=no_socket_timeout,
        why="A command on a connection that died without a word waits for ever; that includes delay().",
        kill="Of the Redis machine: whoever publishes at that moment hangs.",
        fix='app.conf.broker_transport_options = {"socket_timeout": 30}',
        source="kombu/transport/redis.py, `socket_timeout`",
        moot=False,
    ),
    Rule(
        id="unconfirmed",
        severity="warning",
        look=unconfirmed,
        why="delay() returns before RabbitMQ has the message; if it then refuses it or dies, nobody is told.",
        kill="Of the broker or the connection: messages that delay() had returned for are gone.",
        fix='app.conf.broker_transport_options = {"confirm_publish": True}',
        source="kombu/transport/pyamqp.py, Publisher confirms; amqp/channel.py, basic_publish_confirm",
        moot=True,
    ),
    Rule(
        id="transient",
        severity="warning",
        look=transient,
        why="RabbitMQ keeps these messages in memory only.",
        kill="Of the broker: every message that waits is gone.",
        fix="app.conf.task_default_delivery_mode = 'persistent'",
        source=setting_page("task_default_delivery_mode"),
        moot=True,
    ),
    Rule(
        id="quorum-qos",
        severity="warning",
        look=quorum_qos,
        why="Quorum queues know no global QoS; without the detection the worker asks a RabbitMQ older than 4.0 "
        "for it, which closes the channel.",
        kill="Nothing more: the worker cannot consume at all.",
        fix="app.conf.worker_detect_quorum_queues = True",
        source=f"{RABBIT}#using-quorum-queues; celery/worker/consumer/tasks.py, Tasks.qos_global",
        moot=False,
    ),
    Rule(
        id="quorum-pause",
        severity="warning",
        look=quorum_pause,
        why="With quorum queues the prefetch count cannot grow, so delayed tasks fill it and the worker does "
        "nothing until their time has come. Native delayed delivery avoids that, but not with a direct "
        "exchange.",
        kill="The delayed tasks go to another worker, and block that one.",
        fix="app.conf.task_default_exchange_type = 'topic'",
        source=f"{RABBIT}#limitations; celery/app/base.py, send_task",
        moot=True,
    ),
    Rule(
        id="delivery-limit",
        severity="warning",
        look=delivery_limit,
        why="A quorum queue drops a message that came back too often; RabbitMQ 4 has a limit of 20 if none is "
        "set. Without a dead letter exchange it is gone.",
        kill="The task is run again, but not without end: after that many losses it disappears.",
        fix="Queue(..., queue_arguments={'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'dead'})",
        source="RabbitMQ documentation, quorum queues, poison message handling; rabbitmq-server #11937",
        moot=True,
    ),
    Rule(
        id="pickle",
        severity="warning",
        look=pickled,
        why="Whoever can write to the broker can run any code in the workers.",
        kill="Nothing more.",
        fix="app.conf.accept_content = ['json']",
        source=f"{DOCS}userguide/security.html#serializers",
        moot=False,
    ),
    Rule(
        id="one-beat",
        severity="warning",
        look=one_beat,
        why="Two beats send everything twice, and none sends nothing: this scheduler keeps its state in a local "
        "file, and nothing sees to it that there is exactly one.",
        kill="Of beat: nothing is sent until somebody starts it again.",
        fix="periodic: {crontab: '*/5 * * * *'}"
        "  # of a definition in workflows.yml: any number of servers, each tick once",
        source=f"{DOCS}userguide/periodic-tasks.html; celery/beat.py, PersistentScheduler",
        moot=True,
    ),
    Rule(
        id="memory-limit",
        severity="note",
        look=memory_limit,
        why="The memory of a pool process is looked at when a task has ended; one task that takes it all is not "
        "stopped. worker_max_tasks_per_child helps against slow leaks only, too.",
        kill="Exactly that: the kernel kills the process, or the whole container, with kill -9.",
        fix="app.conf.task_acks_late = app.conf.task_retry_on_worker_lost = True  # so that this is survived",
        source="billiard/pool.py, Worker.workloop",
        moot=False,
    ),
    Rule(
        id="eviction",
        severity="danger",
        look=evicting,
        why="When its memory is full, Redis deletes keys: with an allkeys policy whole queues and the list of "
        "unacknowledged messages, with a volatile one results and the counters of chords.",
        kill="Nothing more: messages disappear without one.",
        fix="CONFIG SET maxmemory-policy noeviction",
        source=f"{REDIS}#key-eviction",
        moot=False,
    ),
    Rule(
        id="no-append-only-file",
        severity="warning",
        look=forgetful,
        why="Without an append-only file Redis forgets at a restart what came after the last snapshot.",
        kill="Of Redis: the messages that wait and those that run are gone; workers do not notice.",
        fix="CONFIG SET appendonly yes",
        source="Redis documentation, persistence; INFO persistence, aof_enabled",
        moot=False,
    ),
    Rule(
        id="replica-lag",
        severity="note",
        look=lagging,
        why="Replication does not wait: what was written just before a failover may be missing on the replica.",
        kill="Of the Redis primary: the last messages are lost, or given out again.",
        fix="CONFIG SET min-replicas-to-write 1  # refuses writes when no replica follows",
        source="Redis documentation, replication; INFO replication, connected_slaves",
        moot=False,
    ),
)
