"""What is to be known about a canvas before it is relied on: each finding with where it is, why, and who says so.

Figures are our own measurements: Celery 5.7.0 with Redis transport on Valkey 9.1, two cores, November 2026.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from umbel.plan.explain.made import Canvas
from umbel.plan.explain.read import Reading

VISIBILITY: Final = 3600
"""Seconds after which the Redis transport sends a message again that nobody has acknowledged, by default."""
LONG_CHAIN: Final = 10
"""Tasks in a row from which the size of messages is worth a word."""
MANY_CHORDS: Final = 50
DEEP_CHORDS: Final = 8

MEASURED: Final = "measured: Celery 5.7.0, Redis transport, Valkey 9.1"
CANVAS: Final = "Celery's source, celery/canvas.py, {}"
GUIDE: Final = "Celery's user guide, {}"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One finding. `line` and `column` are those of the part, 0 if it is about the whole."""

    code: str
    title: str
    text: str
    source: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge by."""

    reading: Reading
    made: Canvas
    """As Celery's constructors made it."""
    sent: Canvas
    """As it is sent."""


def hazards(seen: Seen) -> tuple[Hazard, ...]:
    """All findings, the gravest kinds first; each kind once, at its first place."""
    found: dict[str, Hazard] = {}
    for find in _FINDERS:
        for each in find(seen):
            found.setdefault(each.code, each)
    return tuple(found.values())


def walk(canvas: Canvas) -> Iterator[Canvas]:
    """A canvas and all in it; callbacks too."""
    stack = [canvas]
    while stack:
        here = stack.pop()
        yield here
        inner = [*here.parts, *((here.body,) if here.body else ())]
        stack.extend(reversed([*inner, *here.callbacks("link"), *here.callbacks("link_error")]))


def _at(part: Canvas) -> tuple[int, int]:
    return part.line, part.column


def _waits(seen: Seen) -> Iterator[Hazard]:
    if seen.reading.waits:
        text = (
            "This waits for a result with `.get()`. Inside a task that blocks a worker's process until another one is "
            "done; when all processes wait so, none is left to do the work, and nothing goes on."
        )
        yield Hazard("waits-for-result", "`.get()` may wait for ever", text, _TASKS, *seen.reading.waits)


_TASKS: Final = GUIDE.format("Tasks, “Avoid launching synchronous subtasks”")


def _starts_each(seen: Seen) -> Iterator[Hazard]:
    text = (
        "The body of a chord ends in a group, and a step follows. Celery starts that step once for each member of the "
        "group, and the last result wins. Umbel starts it once, with the list of results."
    )
    title = "A later step runs several times"
    top = seen.sent
    if top.kind == "chord" and top.body and top.body.kind == "chord" and _ends_in_group(top.body):
        yield Hazard("starts-once-per-member", title, text, MEASURED, *_at(top))  # three groups in a row
    for chain in walk(seen.sent):
        for step in chain.parts[:-1] if chain.kind == "chain" else ():
            if step.kind == "chord" and _ends_in_group(step):
                yield Hazard("starts-once-per-member", title, text, MEASURED, *_at(step))


def _ends_in_group(canvas: Canvas | None) -> bool:
    if canvas is None:
        return False
    if canvas.kind == "chord":
        return _ends_in_group(canvas.body)
    return canvas.kind == "group" or (
        canvas.kind == "chain" and bool(canvas.parts) and _ends_in_group(canvas.parts[-1])
    )


def _chunks(seen: Seen) -> Iterator[Hazard]:
    for part in walk(seen.made):
        if part.kind == "chunks" and part is not seen.made:
            text = (
                "`chunks` inside another canvas hands on an unfinished result, or fails to encode it. Write "
                "`task.chunks(items, n).group()`, which is an ordinary group. Umbel takes it for that."
            )
            yield Hazard("chunks-inside", "chunks does not work inside a canvas", text, MEASURED, *_at(part))


def _chords(seen: Seen) -> Iterator[Hazard]:
    chords = [part for part in walk(seen.sent) if part.kind == "chord" and part.parts]
    if not chords:
        return
    where = _at(chords[0])
    text = (
        "A chord's members are counted in the result backend. Without one the body never runs. Members must not ignore "
        "their results (`ignore_result`, `task_ignore_result`): Redis counts them all the same, but on a backend that "
        "is polled the body never runs."
    )
    yield Hazard("needs-backend", "A chord needs a result backend", text, GUIDE.format("Canvas, “Chords”"), *where)
    text = (
        "If one member fails, the others run on to their ends, the body never runs, and is recorded as failed with "
        "ChordError. Its `link_error` is called once; members have none, unless you give it to them "
        "(`task_allow_error_cb_on_chord_header`)."
    )
    yield Hazard("member-fails", "One failed member fails the body", text, MEASURED, *where)
    text = (
        "The count expires with the results: where no member ends for longer than `result_expires`, the body never "
        "runs. A worker killed between the last member's end and the sending of the body loses the body (5 of 5)."
    )
    yield Hazard("count-is-lost", "The body can be lost", text, MEASURED, *where)
    widest = max(chords, key=lambda each: len(each.parts))
    size = widest.body.size if widest.body else 0
    if len(widest.parts) * size >= 100:
        text = (
            f"Each of the {len(widest.parts):,} messages of the header carries the whole body ({size:,} signatures). "
            "A task and then a chord of 10,000 members begin with a message of 3 MB; 54 MB go through the broker."
        )
        yield Hazard("wide-header", "Each member carries the body", text, MEASURED, *_at(widest))
    if len(chords) > MANY_CHORDS:
        text = f"There are {len(chords):,} chords. Celery takes 0.5 s to build a chain of 50, and 11 s for 120."
        yield Hazard("many-chords", "Building it takes long", text, MEASURED, *where)
    if (depth := _header_depth(seen.sent)) > DEEP_CHORDS:
        text = (
            f"Chords stand in each other's headers {depth} deep. The client takes one more connection of its pool "
            "(`broker_pool_limit`: 10) for each, and at 10 it waits for ever."
        )
        yield Hazard("deep-chords", "Sending it may never return", text, MEASURED, *where)


def _header_depth(canvas: Canvas) -> int:
    deepest, stack = 0, [(canvas, 0)]
    while stack:
        here, depth = stack.pop()
        depth += here.kind == "chord"
        deepest = max(deepest, depth)
        stack += [(part, depth) for part in here.parts]
        if here.body:
            stack.append((here.body, depth - 1))
    return deepest


def _growth(seen: Seen) -> Iterator[Hazard]:
    for chain in walk(seen.sent):
        if chain.kind == "chain" and len(chain.parts) >= LONG_CHAIN:
            text = (
                f"Each message carries all later steps, here up to {chain.size - 2:,} signatures: about 276 bytes for "
                "each plain one. A chain of 100 begins with a message of 28 kB; one of 1,000 with 277 kB, takes 279 MB "
                "through the broker, and 10.5 s; one of 2,000 takes 1.1 GB. Umbel's messages have constant size."
            )
            yield Hazard("messages-grow", "Messages carry the rest of the chain", text, MEASURED, *_at(chain))
            return


def _late(seen: Seen) -> Iterator[Hazard]:
    for part in walk(seen.sent):
        delays = [value for name in ("countdown", "eta") if (value := part.options.get(name))]
        if not delays:
            continue
        seconds = delays[0] if isinstance(delays[0], int | float) else 0
        text = (
            "A worker takes a delayed message at once and holds it, unacknowledged, until it is due. If that worker is "
            "killed, nobody else has it before the visibility timeout is over (an hour by default)."
        )
        if seconds > VISIBILITY:
            text += (
                f" This delay is longer than that: the Redis transport sends the message again while it waits, and it "
                f"runs more than once (`visibility_timeout` has to be above {seconds:,.0f} s)."
            )
        source = GUIDE.format("Backends and Brokers, Redis, “Visibility timeout”") + f"; {MEASURED}"
        yield Hazard("delayed-in-a-worker", "A delay is kept by one worker", text, source, *_at(part))


def _lost(seen: Seen) -> Iterator[Hazard]:
    if any(part.kind in ("chain", "chord") for part in walk(seen.sent)):
        text = (
            "With Celery's defaults a message is acknowledged before its task runs. A worker killed meanwhile loses "
            "the task, and all that was to follow it: it hung in 5 of 5 trials. With acks_late, reject_on_worker_lost "
            "and a short visibility timeout it went on, and the task ran twice."
        )
        yield Hazard("lost-with-its-worker", "A killed worker ends the rest in silence", text, MEASURED)


def _errbacks(seen: Seen) -> Iterator[Hazard]:
    for part in walk(seen.made):
        if part.kind == "chain" and part.callbacks("link_error"):
            text = "`link_error` of a chain is given to every task in it, and called for the one that fails."
            yield Hazard("errback-of-chain", "An errback of each task", text, _OR, *_at(part))
    tasks = [part for part in walk(seen.sent) if part.kind == "group"]
    for group in tasks:
        own = [member for member in group.parts if member.callbacks("link_error")]
        if len(own) > 1:
            text = (
                "`link_error` of a group is given to each member: it is called once for each that fails. With a hard "
                "time limit it was called twice for one failure."
            )
            source = f"{CANVAS.format('`group.link_error`')}; {MEASURED}"
            yield Hazard("errback-per-member", "An errback may run several times", text, source, *_at(group))


_OR: Final = CANVAS.format("`_chain.unchain_tasks`, `_chain.run`")


def _options(seen: Seen) -> Iterator[Hazard]:
    for part in walk(seen.made):
        names = sorted(set(part.options) - {"link", "link_error", "task_id"})
        if part.kind == "chain" and names and len(part.parts) > 1:
            text = f"Options of a chain ({', '.join(names)}) count for its first task only: give them to each task."
            source = CANVAS.format("`_chain.run`")
            yield Hazard("options-of-chain", "Options reach the first task only", text, source, *_at(part))
        if part.kind == "group" and part.callbacks("link"):
            text = "`link` of a group is given to its first member, and called without its result."
            yield Hazard("link-of-group", "Not called for the group", text, CANVAS.format("`group.link`"), *_at(part))
    for word, line, column in seen.reading.notes:
        if word == "options":
            text = (
                "Options (`.set`) of this group or chain are lost where it is joined to what follows: set each task's."
            )
            yield Hazard("options-lost", "Options are lost", text, CANVAS.format("`__or__`"), line, column)
        elif word == "chord of one":
            text = (
                "`group(x) | y` is a chord, so that y takes a list of one; in `chain(a, group(x), y)` the same group "
                "is unrolled, and y takes the bare result. A group built from data changes its meaning with its length."
            )
            source = GUIDE.format("Canvas, “Group Unrolling”")
            yield Hazard("group-of-one", "One member: sometimes a list, sometimes not", text, source, line, column)
        elif word == "unrolled":
            text = (
                "This group has one member, and is replaced by it: what follows takes its bare result, where two "
                "members would give a list. A group built from data changes its meaning with its length."
            )
            source = GUIDE.format("Canvas, “Group Unrolling”")
            yield Hazard("group-of-one", "One member: no list", text, source, line, column)


def _order(seen: Seen) -> Iterator[Hazard]:
    for part in walk(seen.made):
        inner = next((each for each in part.parts if each.kind == "group"), None)
        if part.kind in ("chord", "group") and inner and len(part.parts) + len(inner.parts) > 2:
            text = (
                "A group inside a group is opened. In a chain or chord the inner members come in the reverse order, "
                "and so do their results in the list; in a group that is started itself they do not."
            )
            source = CANVAS.format("`group._freeze_unroll`, `group._prepared`")
            yield Hazard("opened-group", "Order of results", text, source, *_at(inner))


_FINDERS: Final[tuple[Callable[[Seen], Iterator[Hazard]], ...]] = (
    *(_waits, _starts_each, _chunks, _late, _chords, _growth, _lost),
    *(_errbacks, _options, _order),
)
