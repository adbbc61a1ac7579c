"""What a recorded command did, in one sentence, and what such a command is for, in another.

Sources: `kombu/transport/redis.py` (queues, unacknowledged messages), `celery/backends/base.py` and
`celery/backends/redis.py` (results, chords), the headers of Umbel's scripts.
"""

from collections.abc import Mapping
from typing import Final

from umbel.engine.scripts import SCRIPTS

_CHORD_SCRIPTS: Final = {
    "chord_part_return": (
        "Celery's script for the end of a chord's member",
        "Counts the member, once, and reads the size; the last one gets the claim to send the chord's body.",
    ),
    "chord_claim_extend": (
        "Celery's script that prolongs the claim to send the chord's body",
        "Publishing may take a while; nobody else may begin it meanwhile.",
    ),
    "chord_cleanup": (
        "Celery's script that takes the chord away",
        "Its body was sent: the keys go, a mark stays that it is done.",
    ),
}

SENTENCES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("queue", "LPUSH"): (
        "{who} pushes the message of {task} onto the left end of list {key}.",
        "How a message is sent with Redis: a queue is a list.",
    ),
    ("queue", "RPUSH"): (
        "{who} puts the message of {task} back on the right end of list {key}: it is the next to go.",
        "How a rejected message goes back into its queue.",
    ),
    ("queue", "BRPOP"): (
        "{who} gets the message of {task} from the right end of list {key}{waited}.",
        "How a worker takes a message: it waits until one of its lists has one. From then on it is in no list.",
    ),
    ("queue", "LLEN"): ("{who} asks how long list {key} is.", "Declaring a queue asks whether it is there."),
    ("unacknowledged messages", "HSET"): (
        "{who} keeps a copy of the message of {task} in hash {key} until it is acknowledged.",
        "Redis knows no acknowledgements: kombu makes them of this hash.",
    ),
    ("unacknowledged messages", "HDEL"): (
        "{who} deletes its copy of the message of {task}: it is acknowledged, or goes back.",
        "The end of an acknowledgement: nobody will deliver this message again.",
    ),
    ("unacknowledged messages", "HGET"): (
        "{who} reads the copy of the message of {task}, to put it back.",
        "How a message that nobody acknowledged gets back into its queue.",
    ),
    ("delivery times", "ZADD"): (
        "{who} notes when it took the message of {task}.",
        "What is older than the visibility timeout (1 h, if not set) is delivered again by any worker that looks.",
    ),
    ("delivery times", "ZREM"): (
        "{who} strikes the message of {task} off the list of what was taken.",
        "An acknowledged message cannot time out.",
    ),
    ("task result", "GET"): (
        "{who} looks whether {task} has a result already.",
        "Celery reads before it writes, so that a success is not written over (backends/base.py).",
    ),
    ("task result", "SETEX"): (
        "{who} stores the result of {task} for {a1} s.",
        "The result backend: state, result and traceback of one task; `result_expires` says for how long.",
    ),
    ("task result", "SET"): ("{who} stores the result of {task}.", "The result backend: state and result of one task."),
    ("task result", "PUBLISH"): (
        "{who} publishes the result of {task} to whoever waits for it.",
        "A client in `result.get()` listens here instead of asking again and again.",
    ),
    ("chord claim", "DEL"): ("{who} clears the claim of a new chord.", "No worker has sent the chord's body yet."),
    ("chord claim", "GET"): (
        "{in_script}is the chord's body sent already?",
        "A member that comes late must not begin the chord again.",
    ),
    ("chord claim", "SET"): (
        "{in_script}the claim is set: {claimed}",
        "Of the members that see the chord complete, one may send its body: the claim is given once (SET NX).",
    ),
    ("chord claim", "EXPIRE"): ("{in_script}the claim is prolonged.", "Time to join the results and send the body."),
    ("chord size", "SET"): (
        "{who} stores the size of the chord: {a1} members have to end.",
        "The barrier is this number: the chord's body runs when as many results are there.",
    ),
    ("chord size", "GET"): ("{in_script}how many members does the chord have?", "To compare with the count."),
    ("chord extra", "GET"): ("{in_script}is the chord's size to be corrected?", "For members that became groups."),
    ("chord members", "SISMEMBER"): (
        "{in_script}has this member been counted?",
        "A task that runs twice must not count twice.",
    ),
    ("chord members", "SADD"): ("{in_script}{task} is noted as counted.", "So that it counts only once."),
    ("chord results", "ZADD"): (
        "{in_script}the result of {task} joins the chord's results at place {a1}: {count} there now.",
        "A sorted set, by place in the group. There is no counter: the number of results is the counter.",
    ),
    ("chord results", "RPUSH"): (
        "{in_script}the result of {task} joins the chord's results: {count} there now.",
        "A list, where `result_chord_ordered` is off.",
    ),
    ("chord results", "ZCOUNT"): ("{in_script}the results are counted.", "The counter of the barrier."),
    ("chord results", "LLEN"): ("{in_script}the results are counted.", "The counter of the barrier."),
    ("chord results", "ZRANGE"): (
        "{who} reads all results of the chord, in the order of its members.",
        "They become the argument of the chord's body.",
    ),
    ("chord results", "DEL"): (
        "{in_script}the chord's keys are deleted: its body was sent.",
        "The end of the barrier.",
    ),
    ("group", "GET"): ("{who} looks whether the group was saved.", "Groups within groups are; a plain header is not."),
    ("bindings", "SADD"): ("{who} says which queue exchange and routing key lead to.", "How kombu knows what to feed."),
    ("events", "XADD"): (
        "{in_script}the event {event} is written to the stream.",
        "State and event change in one script: the history cannot miss one. The server reads them from here.",
    ),
    ("ready", "ZADD"): (
        "{in_script}{member} is released: it waits for a worker.",
        "Until it is claimed; a message that got lost is sent again because of this.",
    ),
    ("ready", "ZREM"): ("{in_script}{member} waits no longer.", "It is claimed."),
    ("leases", "ZADD"): (
        "{in_script}the attempt gets a lease.",
        "Who gives no sign of life until then has lost the task, and it runs elsewhere.",
    ),
    ("leases", "ZREM"): ("{in_script}the lease ends.", "The attempt has an outcome."),
    ("held", "HSET"): ("{in_script}it is noted which process runs {member}.", "Should that process die, it is found."),
    ("held", "HDEL"): ("{in_script}the process holds {member} no longer.", "The attempt has an outcome."),
    ("results", "HSET"): ("{in_script}the result is stored.", "Dependents get it with their claim, not by a message."),
    ("timers", "ZADD"): (
        "{in_script}{member} is to go on later.",
        "A pause stands here, in no worker's memory and in no message.",
    ),
    ("timers", "ZREM"): ("{in_script}{member} is due.", "The pause is over."),
    ("deadlines", "ZADD"): ("{in_script}the run gets its deadline.", "A run that hangs ends, at the latest then."),
}
"""(what the key is, command) -> what it did, what it is for."""

READS: Final = frozenset(
    (
        "GET",
        "HGET",
        "HMGET",
        "HGETALL",
        "HEXISTS",
        "HLEN",
        "EXISTS",
        "LLEN",
        "LRANGE",
        "SISMEMBER",
        "SMEMBERS",
        "ZCOUNT",
        "ZRANGE",
        "ZRANGEBYSCORE",
        "ZSCORE",
        "ZCARD",
        "ZRANK",
        "XRANGE",
        "XREVRANGE",
        "XREAD",
        "TTL",
        "PTTL",
        "TYPE",
        "TIME",
    )
)

_PURPOSES: Final = {script.verb.value: script.purpose for script in SCRIPTS.values()}
_WITHOUT_KEY: Final = {
    "MULTI": ("{who} begins a transaction.", "What follows is done as one, or not at all."),
    "EXEC": ("{who} ends the transaction: all of it is done now.", "What stood since MULTI is done as one."),
    "DISCARD": ("{who} gives the transaction up.", "Nothing of it is done."),
    "TIME": ("{in_script}what time is it?", "All times of a run come from the state store's clock."),
}
_LIVES: Final = {
    "EXPIRE": ("{actor} lets the {whose} live for {a1} s.", "What nobody takes away goes by itself then."),
    "PEXPIRE": ("{actor} lets the {whose} live for {a1} ms.", "What nobody takes away goes by itself then."),
    "PERSIST": ("{actor} lets the {whose} stay.", "It is in use."),
    "DEL": ("{actor} deletes the {whose}.", "It is not needed any more."),
    "UNLINK": ("{actor} deletes the {whose}.", "It is not needed any more."),
    "EXISTS": ("{actor} looks whether the {whose} is there.", "Whether the store knows it."),
}
"""For any key."""


class _Words(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


def of_script(verb: str, who: str, task: str | None, *, text: bool, unknown: bool) -> tuple[str, str]:
    """The sentences about a script's call.

    Args:
        verb: of Umbel's engine; or a name for one of Celery's.
        text: it is called with its text.
        unknown: the store did not have it, so that nothing was done.
    """
    of, how = f" for {task}" if task else "", ", with its text" if text else ""
    what, means = f"script {verb}", "A script runs as one step: nothing comes in between."
    if verb in _PURPOSES:
        means = f"{_sentence(_PURPOSES[verb])} One atomic step of Umbel's engine."
    elif verb in _CHORD_SCRIPTS:
        what, means = _CHORD_SCRIPTS[verb]
    if unknown:
        return (
            f"{who} asks for {what}{of}; the store has no script by this hash yet.",
            "EVALSHA names a script by its hash. The answer is NOSCRIPT: it is called again, with its text.",
        )
    return f"{who} runs {what}{of}{how}.", means


def of_command(name: str, arguments: list[str], whose: str | None, words: Mapping[str, str]) -> tuple[str, str]:
    """The sentences about any other command.

    Args:
        whose: what its first key is; None if it has none.
        words: `who`, `task`, `key`, `in_script`, … as the sentences name them.
    """
    known = _WITHOUT_KEY.get(name) if whose is None else SENTENCES.get((whose, name), _LIVES.get(name))
    if known is None:
        does = "reads" if name in READS else "changes"
        known = (f"{{actor}} {does} the {whose or 'store'} ({name}).", f"{name} on the {whose or 'store'}.")
    given = {f"a{place}": each for place, each in enumerate(arguments[:3])}
    return known[0].format_map(_Words({**given, "whose": whose or "store", **words})), known[1]


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
