"""Plans of the model tests."""

from umbel.plan.model import Node, Plan


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
SMALL = (EMPTY, ONE, CHAIN, FORK, JOIN, DIAMOND, CROSSED, LATTICE, HOOKED, HALF_HOOKED)
