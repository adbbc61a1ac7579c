"""Canvases as data. Each is run by Celery and by Umbel, and both must come to the same.

A function gets `key`, a text of its own for each run: ids are made of it, and what its callbacks write is found by it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import shop
from celery import chain, chord, group, signature
from shop import a, about, add, b, boom, c, d, double, e, f, many, nothing, own, retried, total, typed

Make = Callable[[str], Any]


def _plain(make: Callable[[], Any]) -> Make:
    return lambda key: make()


def _linked(canvas: Any, callback: Any) -> Any:
    canvas.link(callback)
    return canvas


def _erring(canvas: Any, *errbacks: Any) -> Any:
    for errback in errbacks:
        canvas.link_error(errback)
    return canvas


def _note(key: str, *args: Any) -> Any:
    return shop.note.s(*args, key=key)


PAIRS = [(1, 2), (3, 4), (5, 6)]

SIMPLE: dict[str, Callable[[], Any]] = {
    # -- one task
    "one": lambda: a.s(1),
    "one without arguments": lambda: a.s(),
    "one with keywords": lambda: a.s(1, x=2, y=3),
    "one immutable": lambda: a.si(1),
    "one by name only": lambda: signature("a", (1,)),
    "one with a name of its module": lambda: add.s(1, 2),
    "one shared": lambda: double.s(4),
    "one with nested arguments": lambda: a.s([1, [2, 3]], {"k": [4]}),
    "one with text": lambda: a.s("ä ${payload} {{x}}"),
    "one that returns nothing": lambda: nothing.s(),
    "one that returns a list": lambda: many.s(3),
    "a partial": lambda: a.s(2).clone((1,)),
    "a partial with keywords": lambda: a.s(2, x=1).clone(kwargs={"y": 2}),
    "an immutable partial": lambda: a.si(2).clone((1,)),
    "a retried one": lambda: retried.s(1),
    # -- chains
    "chain of two": lambda: chain(a.s(1), b.s(2)),
    "chain of one": lambda: chain(a.s(1)),
    "chain of a list": lambda: chain([a.s(1), b.s(2), c.s(3)]),
    "chain of a generator": lambda: chain(a.s(i) for i in range(3)),
    "chain by operator": lambda: a.s(1) | b.s(2) | c.s(3),
    "chain with immutable step": lambda: chain(a.s(1), b.si(2), c.s()),
    "chain with keywords": lambda: chain(a.s(1, x=1), b.s(2, y=3)),
    "chain of numbers": lambda: chain(add.s(2, 2), add.s(4), double.s()),
    "chain of twenty": lambda: chain(*(a.s(i) for i in range(20))),
    "chain in a chain": lambda: chain(a.s(1), chain(b.s(), c.s()), d.s()),
    "chain first in a chain": lambda: chain(chain(a.s(1), b.s()), c.s()),
    "chain of chains": lambda: chain(chain(a.s(1), b.s()), chain(c.s(), chain(d.s(), e.s()))),
    "chain that hands on nothing": lambda: chain(nothing.s(), a.s()),
    "chain that hands on a list": lambda: chain(many.s(3), total.s()),
    "chain with a retried step": lambda: chain(a.s(1), retried.s(), b.s()),
    "chain with partial": lambda: chain(a.s(1), b.s(2).clone((3,)), c.s()),
    "immutable chain": lambda: chain(a.s(0), chain(b.s(1), c.s(2)).set(immutable=True)),
    # -- groups
    "group": lambda: group(a.s(1), b.s(2)),
    "group of a list": lambda: group([a.s(1), b.s(2), c.s(3)]),
    "group of a generator": lambda: group(a.s(i) for i in range(5)),
    "group of one": lambda: group(a.s(1)),
    "empty group": lambda: group(),
    "group of equal tasks": lambda: group(a.s(1), a.s(1), a.s(1)),
    "group of forty": lambda: group(a.s(i) for i in range(40)),
    "group of chains": lambda: group(chain(a.s(1), b.s()), chain(c.s(2), d.s()), e.s()),
    "group of a chain": lambda: group(chain(a.s(1), b.s())),
    "group in a group": lambda: group(group(a.s(1), b.s(2)), c.s(3)),
    "group last in a group": lambda: group(c.s(3), group(a.s(1), b.s(2))),
    "groups three deep": lambda: group(group(group(a.s(1), b.s(2)), c.s(3)), d.s(4)),
    "group with an empty group": lambda: group(a.s(1), group()),
    "group with an empty chain": lambda: group(a.s(1), chain()),
    "group with partial": lambda: group(a.s(1), b.s(2)).clone((9,)),
    "group with lists": lambda: group(many.s(2), many.s(3)),
    "group of chains that end in groups": lambda: group(chain(a.s(1), group(b.s(), c.s())), d.s(4)),
    "group of one chain that ends in a group": lambda: group(chain(a.s(1), group(b.s(), c.s()))),
    "group of one chain in two groups": lambda: group(group(chain(a.s(1), group(b.s(), c.s())))),
    # -- chains and groups
    "group at the end": lambda: chain(a.s(1), group(b.s(), c.s())),
    "group of one at the end": lambda: chain(a.s(1), group(b.s())),
    "group of one in the middle": lambda: chain(a.s(1), group(b.s()), c.s()),
    "group of one first": lambda: chain(group(a.s(1)), b.s()),
    "group of one first by operator": lambda: group(a.s(1)) | b.s(),
    "group of groups of one": lambda: chain(a.s(0), group(group(b.s(1))), c.s()),
    "empty group first": lambda: chain(group(), a.s(1)),
    "empty group first by operator": lambda: group() | a.s(1),
    "empty group in the middle": lambda: chain(a.s(1), group(), b.s()),
    "empty group at the end": lambda: chain(a.s(1), group()),
    "groups in a row": lambda: chain(group(a.s(1), b.s(2)), group(c.s(), d.s())),
    "groups in a row, then a task": lambda: chain(group(a.s(1), b.s(2)), group(c.s(), d.s()), e.s()),
    "a task, groups in a row, a task": lambda: chain(f.s(0), group(a.s(1), b.s(2)), group(c.s(), d.s()), e.s()),
    "a task, three groups in a row": lambda: chain(
        f.s(0), group(a.s(1), b.s(2)), group(c.s(), d.s()), group(e.s(), f.s())
    ),
    "diamond": lambda: chain(a.s(1), group(b.s(), c.s()), d.s()),
    "two diamonds": lambda: chain(a.s(1), group(b.s(), c.s()), d.s(), group(e.s(), f.s()), a.s()),
    "six diamonds": lambda: reduce(or_, [each for _ in range(6) for each in (a.s(), group(b.s(), c.s()))] + [d.s()]),
    "nested group at the end": lambda: chain(f.s(0), group(group(a.s(1), b.s(2)), c.s(3))),
    "nested group before a task": lambda: chain(f.s(0), group(group(a.s(1), b.s(2)), c.s(3)), d.s()),
    "chain of one nested group": lambda: chain(group(group(a.s(1), b.s(2)), c.s(3))),
    "chain ending in a group of a chain": lambda: chain(f.s(0), group(group(chain(a.s(1), group(b.s(), c.s()))))),
    "group with immutable members": lambda: chain(f.s(0), group(a.si(1), b.s(2)), c.s()),
    "immutable group": lambda: chain(f.s(0), group(a.s(1), b.s(2)).set(immutable=True)),
    "immutable task after a group": lambda: chain(group(a.s(1), b.s(2)), c.si(3), d.s()),
    "numbers through a group": lambda: chain(add.s(1, 1), group(add.s(i) for i in range(4)), total.s(), double.s()),
    "nothing through a group": lambda: chain(group(nothing.s(), nothing.s()), a.s()),
    "partial chain with a group": lambda: chain(group(a.s(1), b.s(2)), c.s()).clone((9,)),
    "wide group, then a task": lambda: group(a.s(i) for i in range(30)) | b.s(),
    # -- chords
    "chord": lambda: chord([a.s(1), b.s(2)], c.s(3)),
    "chord of one": lambda: chord([a.s(1)], b.s()),
    "chord of a signature": lambda: chord(a.s(1), b.s()),
    "chord of a group": lambda: chord(group(a.s(1), b.s(2)), c.s()),
    "chord of a group of one": lambda: chord([group(a.s(1))], b.s()),
    "chord of a chain": lambda: chord(chain(a.s(1), b.s(2)), c.s()),
    "chord of nothing": lambda: chord([], a.s(1)),
    "chord with immutable body": lambda: chord([a.s(1), b.s(2)], c.si(3)),
    "chord with keywords": lambda: chord([a.s(1), b.s(2)], c.s(3, x=4)),
    "chord with header keywords": lambda: chord([a.s(1), b.s(2)], c.s(), kwargs={"kwargs": {"z": 1}}),
    "chord with partial": lambda: chord([a.s(1), b.s(2)], c.s()).clone((9,)),
    "chord then a task": lambda: chord([a.s(1), b.s(2)], c.s()) | d.s(),
    "chord then a group": lambda: chord([a.s(1), b.s(2)], c.s()) | group(d.s(), e.s()),
    "chord in a chain": lambda: chain(f.s(0), chord([a.s(1), b.s(2)], c.s()), d.s()),
    "chord of nothing in a chain": lambda: chain(f.s(0), chord([], c.s(1)), d.s()),
    "chord with a chain as body": lambda: chord([a.s(1), b.s(2)], chain(c.s(), d.s())),
    "chord with a group as body": lambda: chord([a.s(1), b.s(2)], group(c.s(), d.s())),
    "chord with a group as body, then a task": lambda: chord([a.s(1), b.s(2)], group(c.s(), d.s())) | e.s(),
    "chord with a chain of groups as body": lambda: chord([a.s(1), b.s(2)], chain(group(c.s(), d.s()), e.s())),
    "chord with a long chain as body": lambda: chord([a.s(1)], chain(f.s(), group(c.s(), d.s()), e.s())),
    "chord with a chain ending in a group": lambda: chord([a.s(1), b.s(2)], chain(f.s(), group(c.s(), d.s()))),
    "chord as body": lambda: chord([a.s(1), b.s(2)], chord([c.s(), d.s()], e.s())),
    "chord in a header": lambda: chord([chord([a.s(1), b.s(2)], c.s()), d.s(4)], e.s()),
    "chord with chains in its header": lambda: chord([chain(a.s(1), b.s()), chain(c.s(2), d.s())], e.s()),
    "chord with nested groups in its header": lambda: chord(
        [group(a.s(1), b.s(2), c.s(3)), d.s(4), group(e.s(5), f.s(6))], a.s()
    ),
    "chord with groups three deep": lambda: group(group(group(a.s(1), b.s(2)), c.s(3)), d.s(4)) | e.s(),
    "chord with a list inside its list": lambda: chord([chain(a.s(1), group(b.s(), c.s())), d.s(4)], e.s()),
    "chord with reversed lists inside": lambda: chord(
        [chain(a.s(1), group(group(b.s(), c.s()), d.s())), e.s(4)], f.s()
    ),
    "chord with an empty chain in its header": lambda: chord([a.s(1), chain()], b.s()),
    "immutable header": lambda: chain(f.s(0), chord([a.s(1), b.s(2)], c.s()).set(immutable=True)),
    "group of chords": lambda: group(chord([a.s(1), b.s(2)], c.s()), d.s(4)),
    "group of a chord that gives a group": lambda: group(chord([a.s(1)], group(b.s(), c.s()))),
    "group of chords that give groups": lambda: group(chord([a.s(1), b.s(2)], group(c.s(), e.s())), d.s(4)),
    "chords five deep": lambda: reduce(lambda inner, _: chord([inner, a.s(1)], b.s()), range(5), c.s(0)),
    "chord bodies five deep": lambda: reduce(lambda inner, _: chord([a.s(1), b.s(2)], inner), range(5), c.s()),
    "deep mixture": lambda: chain(
        group(chain(a.s(1), group(b.s(), chain(c.s(), d.s())), e.s()), chord([a.s(2), group(b.s(3), c.s(4))], d.s())),
        f.s(),
        group(a.s(), chain(b.s(), c.s())),
    ),
    # -- maps
    "map": lambda: a.map([1, 2]),
    "empty map": lambda: a.map([]),
    "starmap": lambda: add.starmap(PAIRS),
    "map in a chain": lambda: chain(f.s(0), a.map([1, 2]), b.s()),
    "map in a group": lambda: group(a.map([1, 2]), b.s(1)),
    "maps in a header": lambda: chord([a.map([1, 2]), add.starmap(PAIRS)], b.s()),
    "map as body": lambda: chord([a.s(1), b.s(1)], a.map([1, 2])),
    "map of a generator": lambda: a.map(i for i in range(3)),
    "chunks": lambda: add.chunks(PAIRS, 2),
    "chunks of one part": lambda: add.chunks(PAIRS, 5),
    "empty chunks": lambda: add.chunks([], 2),
    "group of chunks": lambda: add.chunks(PAIRS, 2).group(),
    "group of chunks in a chain": lambda: chain(add.chunks(PAIRS, 2).group(), b.s()),
    # -- values
    "typed arguments": lambda: typed.s(
        datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
        date(2026, 11, 22),
        time(10, 0),
        Decimal("1.50"),
        UUID(int=7),
        b"\0\xff",
    ),
    "typed results": lambda: chain(shop.dated.s(), typed.s()),
    "large numbers": lambda: a.s(2**70, 1.5, -0.0),
    "true and nothing": lambda: a.s(True, None),
    # -- errors
    "failing task": lambda: boom.s(1),
    "own exception": lambda: own.s(),
    "wrong arguments": lambda: signature("stock.double", (1, 2, 3)),
    "failing first": lambda: chain(boom.s(1), a.s()),
    "failing in the middle": lambda: chain(a.s(1), boom.s(), b.s()),
    "failing last": lambda: chain(a.s(1), boom.s()),
    "failing member": lambda: group(a.s(1), boom.s(2)),
    "failing header": lambda: chord([a.s(1), boom.s(2)], c.s()),
    "failing body": lambda: chord([a.s(1), b.s(2)], boom.s()),
    "failing chain in a header": lambda: chord([a.s(1), chain(boom.s(2), d.s())], c.s()),
    "failing header, group as body": lambda: chord([a.s(1), boom.s(2)], group(c.s(), d.s())),
    "failing header, more behind": lambda: chain(chord([a.s(1), boom.s(2)], c.s()), d.s()),
    "failing item of a map": lambda: boom.map([1, 2]),
    # -- options that show in the result
    "queue": lambda: about.s(of=("queue",)).set(queue="other"),
    "queue of a chain is its first task's": lambda: chain(about.s(of=("queue",)), about.s(of=("queue", "args"))).set(
        queue="other"
    ),
    "queue of a group is every member's": lambda: group(about.s(of=("queue",)), about.s(of=("queue",))).set(
        queue="other"
    ),
    "queue of a chord is header's and body's": lambda: chord(
        [about.s(of=("queue",)), about.s(of=("queue",))], about.s(of=("queue", "args"))
    ).set(queue="other"),
    "queue of a member": lambda: group(about.s(of=("queue",)), about.s(of=("queue",)).set(queue="other")),
    "queue of a body": lambda: chord([about.s(of=("queue",))], about.s(of=("queue", "args")).set(queue="other")),
    "queue of a group in front": lambda: chain(
        group(about.s(of=("queue",)), about.s(of=("queue",))).set(queue="other"), about.s(of=("queue", "args"))
    ),
    "what a task sees": lambda: about.s(1, of=("called", "name", "retries", "args")),
    "countdown": lambda: chain(a.s(1).set(countdown=0.3), b.s()),
    "countdown of a chain": lambda: chain(a.s(1), b.s()).set(countdown=0.3),
    "countdown of a chord": lambda: chord([a.s(1), b.s(2)], c.s()).set(countdown=0.3),
    "eta in the past": lambda: a.s(1).set(eta=datetime(2020, 1, 1, tzinfo=UTC)),
    "eta": lambda: chain(a.s(1), b.s().set(eta=datetime.now(UTC) + timedelta(seconds=0.5))),
    "expires later": lambda: chain(a.s(1).set(expires=60), b.s().set(expires=datetime.now(UTC) + timedelta(hours=1))),
    "expires after its countdown": lambda: a.s(1).set(countdown=0.3, expires=60),
    "expires during its countdown": lambda: chain(a.s(1).set(countdown=1, expires=0.3), b.s()),
    "expired": lambda: a.s(1).set(expires=-5),
    "expired by date": lambda: a.s(1).set(expires=datetime(2020, 1, 1, tzinfo=UTC)),
    "expired step": lambda: chain(a.s(1), b.s().set(expires=-5), c.s()),
    "expired member": lambda: group(a.s(1), b.s().set(expires=-5)),
    "expired header": lambda: chord([a.s(1), b.s().set(expires=-5)], c.s()),
    "generous limits": lambda: about.s(of=("limits",)).set(time_limit=60, soft_time_limit=50),
    "unknown options": lambda: a.s(1).set(headers={"x": 1}, shadow="shade", ignore_result=False),
}

KEYED: dict[str, Make] = {
    # -- ids
    "task id": lambda key: about.s(of=("id",)).set(task_id=f"{key}-1"),
    "task id of a chain is its last task's": lambda key: chain(a.s(1), about.s(of=("id",))).set(task_id=f"{key}-1"),
    "task id of a chord is its body's": lambda key: chord([a.s(1)], about.s(of=("id",))).set(task_id=f"{key}-1"),
    "task ids of members": lambda key: group(about.s(of=("id",)).set(task_id=f"{key}-{i}") for i in range(3)),
    "task id of a step": lambda key: chain(about.s(of=("id",)).set(task_id=f"{key}-1"), a.s()),
    # -- callbacks
    "link": lambda key: _linked(a.s(1), _note(key)),
    "link with arguments": lambda key: _linked(a.s(1), _note(key, 2, 3)),
    "immutable link": lambda key: _linked(a.s(1), shop.note.si(7, key=key)),
    "two links": lambda key: _linked(_linked(a.s(1), _note(key, 2)), _note(key, 3)),
    "link of a chain": lambda key: _linked(chain(a.s(1), b.s()), _note(key)),
    "link of a step": lambda key: chain(_linked(a.s(1), _note(key)), b.s()),
    "link of a group": lambda key: _linked(group(a.s(1), b.s(2)), _note(key, 5)),
    "link of a chord": lambda key: _linked(chord([a.s(1), b.s(2)], c.s()), _note(key)),
    "link of a header's member": lambda key: chord([_linked(a.s(1), _note(key)), b.s(2)], c.s()),
    "link to a chain": lambda key: _linked(a.s(1), chain(b.s(), _note(key))),
    "link to a group": lambda key: _linked(a.s(1), group(_note(key, 1), _note(key, 2))),
    "link to a chord": lambda key: _linked(a.s(1), chord([b.s(), c.s()], _note(key))),
    "link of a link": lambda key: _linked(a.s(1), _linked(b.s(), _note(key))),
    "failing link": lambda key: _linked(_linked(a.s(1), boom.s()), _note(key)),
    "link of a failing task": lambda key: _linked(boom.s(1), _note(key)),
    "link in the options of a chain": lambda key: chain(a.s(1), b.s()).set(link=[_note(key)]),
    "link in the options of a chord": lambda key: chord([a.s(1)], b.s()).set(link=[_note(key)]),
    # -- errbacks
    "errback not needed": lambda key: _erring(a.s(1), shop.old_errback.s(key=key)),
    "old errback": lambda key: _erring(boom.s(1).set(task_id=f"{key}-1"), shop.old_errback.s(key=key)),
    "new errback": lambda key: _erring(boom.s(1).set(task_id=f"{key}-1"), shop.new_errback.s(key=key)),
    "bound errback": lambda key: _erring(boom.s(1).set(task_id=f"{key}-1"), shop.bound_errback.s(key=key)),
    "immutable errback": lambda key: _erring(boom.s(1), shop.note.si(3, key=key)),
    "errback that takes anything": lambda key: _erring(
        own.s(1).set(task_id=f"{key}-1"), shop.new_errback.s(key=key), shop.old_errback.s(key=key)
    ),
    "errback of a chain, first fails": lambda key: _erring(
        chain(boom.s(1).set(task_id=f"{key}-1"), a.s(), b.s()), shop.old_errback.s(key=key)
    ),
    "errback of a chain, last fails": lambda key: _erring(
        chain(a.s(1), b.s(), boom.s().set(task_id=f"{key}-1")), shop.new_errback.s(key=key)
    ),
    "errback of a step that never runs": lambda key: chain(boom.s(1), _erring(a.s(), shop.old_errback.s(key=key))),
    "errback of a group": lambda key: _erring(
        group(boom.s(1).set(task_id=f"{key}-1"), a.s(1), boom.s(1).set(task_id=f"{key}-2")),
        shop.old_errback.s(key=key),
    ),
    "errback of a body, header fails": lambda key: chord(
        [a.s(1), boom.s(2).set(task_id=f"{key}-1")],
        _erring(c.s().set(task_id=f"{key}-2"), shop.old_errback.s(key=key)),
    ),
    "new errback of a body, header fails": lambda key: chord(
        [a.s(1), boom.s(2).set(task_id=f"{key}-1")],
        _erring(c.s().set(task_id=f"{key}-2"), shop.new_errback.s(key=key)),
    ),
    "errback of a body that fails": lambda key: chord(
        [a.s(1), b.s(2)], _erring(boom.s().set(task_id=f"{key}-2"), shop.new_errback.s(key=key))
    ),
    "errback of a header's member": lambda key: chord(
        [a.s(1), _erring(boom.s(2).set(task_id=f"{key}-1"), shop.old_errback.s(key=key))], c.s()
    ),
    "errback of a diamond": lambda key: _erring(
        chain(a.s(1), group(b.s(), boom.s(2)), c.s().set(task_id=f"{key}-2")), shop.old_errback.s(key=key)
    ),
    "errback with arguments": lambda key: _erring(
        boom.s(1).set(task_id=f"{key}-1"), shop.note.s(1, 2, key=key).set(immutable=True)
    ),
    "errback to a chain": lambda key: _erring(boom.s(1), chain(shop.a.si(1), _note(key))),
    "errback in the options of a chain": lambda key: chain(a.s(1), boom.s().set(task_id=f"{key}-1")).set(
        link_error=[shop.old_errback.s(key=key)]
    ),
}

SHAPES: dict[str, Make] = {**{name: _plain(make) for name, make in SIMPLE.items()}, **KEYED}
"""What both are to agree on."""

FAULTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "failing before a group": (lambda: chain(boom.s(1), group(a.s(), b.s())), ValueError("boom [1]")),
    "three groups in a row": (
        lambda: chain(group(a.s(1), b.s(2)), group(c.s(), d.s()), group(e.s(), f.s())),
        ["e([c([a(1),b(2)]),d([a(1),b(2)])])", "f([c([a(1),b(2)]),d([a(1),b(2)])])"],
    ),
    "chunks in a chain": (lambda: chain(f.s(0), add.chunks(PAIRS, 2)), [[3, 7], [11]]),
    "chunks before a task": (lambda: chain(add.chunks(PAIRS, 2), b.s()), "b([[3,7],[11]])"),
    "chunks in a group": (lambda: group(add.chunks(PAIRS, 2), a.s(1)), [[[3, 7], [11]], "a(1)"]),
    "chunks in a header": (lambda: chord([add.chunks(PAIRS, 2), a.s(1)], b.s()), "b([[[3,7],[11]],a(1)])"),
    "a group without members in a group": (
        lambda: group(c.s(), chord([a.s(1)], group([group(), group()]))),
        ["c()", []],
    ),
}
"""Where Celery 5.7 is at fault, and what was meant: a group's followers started once per member (the first), unfinished
results handed on (chunks), a result that never comes (the others). An exception: the run fails with it."""
