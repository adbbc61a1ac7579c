"""Plans of the model tests."""

from umbel.plan.model import Node, Plan, SubRun

START = 1_790_000_000_000
"""When the tests' clock begins, ms."""


def plan(name: str, *needs: tuple[int, ...], queues: dict[int, str] | None = None) -> Plan:
    """One node for each tuple of what it needs."""
    asked = queues or {}
    return Plan(name, tuple(Node(i, f"t{i}", f"t{i}", need, asked.get(i)) for i, need in enumerate(needs)))


EMPTY = plan("empty")
ONE = plan("one", ())
CHAIN = plan("chain", (), (0,), (1,))
FORK = plan("fork", (), (0,), (0,))
JOIN = plan("join", (), (), (0, 1), queues={1: "fast"})
DIAMOND = plan("diamond", (), (0,), (0,), (1, 2), queues={2: "fast"})
# c needs a and b, d needs only b: no nesting of chains and groups makes this shape.
CROSSED = plan("crossed", (), (), (0, 1), (1,), queues={0: "fast"})
LATTICE = plan("lattice", (), (), (0, 1), (0, 1), (2,), (2, 3), (0, 4), queues={3: "fast", 6: "slow"})
HOOKED = Plan("hooked", (*CHAIN.nodes[:2], Node(2, "ok", "ok", hook="success"), Node(3, "ko", "ko", hook="failure")))
HALF_HOOKED = Plan("half", (*FORK.nodes, Node(3, "ko", "ko", queue="fast", hook="failure")))
# Everything needs a and b, each in its own way.
IFS = Plan(
    "ifs",
    (
        Node(0, "a", "a"),
        Node(1, "b", "b"),
        Node(2, "rescue", "t", (0, 1), run_if="any_failed"),
        Node(3, "report", "t", (0, 1, 2), run_if="all_done", queue="fast"),
        Node(4, "some", "t", (0, 1), run_if="one_ok"),
        Node(5, "after", "t", (2, 4)),
    ),
)
MAP = Plan("map", (Node(0, "a", "a"), Node(1, "m", "m", (0,), map="${a}", max_parallel=2), Node(2, "c", "c", (1,))))
MAPS = Plan(
    "maps",
    (
        Node(0, "m", "m", map="${x}", max_parallel=1, queue="fast"),
        Node(1, "n", "n", (), map="${x}"),
        Node(2, "e", "e", (0, 1), run_if="all_done"),
        Node(3, "ko", "ko", hook="failure"),
    ),
)
LATER = Plan(
    "later",
    (Node(0, "a", "a", countdown=5.0), Node(1, "b", "b", (0,), at=START + 30_000), Node(2, "c", "c", (0,), at=9)),
)
ASKS = Plan(
    "asks", (Node(0, "ok?", "umbel.step", approval=True), Node(1, "b", "b", (0,)), Node(2, "q", "q", quiet=True))
)
LATE = Plan("late", (*CHAIN.nodes[:2], Node(2, "ko", "ko", hook="failure")), deadline=20.0)
NATIVE = Plan("native", HOOKED.nodes, engine="canvas")
LEAF = Plan("leaf", (Node(0, "a", "a"), Node(1, "b", "b", quiet=True), Node(2, "c", "c")), deadline=60.0)


def starts(name: str, sub: Plan, *more: Node) -> Plan:
    """A plan whose first task starts a run of another plan."""
    first = Node(0, "w", "umbel.step", workflow=SubRun(sub.definition, sub.hash))
    return Plan(name, (first, *more), subplans=(*sub.subplans, sub))


BRANCH = starts("branch", LEAF, Node(1, "b", "b", (0,)))
ROOT = starts("root", BRANCH, Node(1, "r", "r", (0,), run_if="any_failed"), Node(2, "ok", "ok", hook="success"))
NOTHING = starts("nothing", EMPTY)
LATE_ROOT = Plan("lateroot", (*starts("", LEAF).nodes, Node(1, "b", "b")), deadline=20.0, subplans=(LEAF,))
PLAIN = (EMPTY, ONE, CHAIN, FORK, JOIN, DIAMOND, CROSSED, LATTICE, HOOKED, HALF_HOOKED)
SMALL = (*PLAIN, IFS, MAP, MAPS, LATER, ASKS, LATE, NATIVE, BRANCH, ROOT, NOTHING, LATE_ROOT)
