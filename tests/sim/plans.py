"""Plans by chance: any DAG, with maps, runs of others, approvals, hooks, conditions, pauses and deadlines."""

from random import Random

from umbel.plan.model import Node, Plan, SubRun

QUEUES = (None, None, None, "fast")


def random_plan(chance: Random, name: str, depth: int = 0) -> Plan:
    """A plan of up to a dozen tasks."""
    subs: dict[str, Plan] = {}
    size = chance.choice((1, 2, 3, 4, 5, 6, 8, 12)) if not depth else chance.randint(0, 3)
    nodes: list[Node] = []
    wide = chance.random() < 0.15
    for index in range(size):
        nodes.append(_node(chance, index, name, depth, subs, wide))
    for hook in ("success", "failure"):
        if chance.random() < 0.35:
            index = len(nodes)
            nodes.append(Node(index, f"on_{hook}", "t", hook=hook))
    deadline = chance.uniform(5, 40) if chance.random() < 0.05 else None
    every = {each.hash: each for sub in subs.values() for each in (*sub.subplans, sub)}
    return Plan(f"sim.{name}", tuple(nodes), deadline=deadline, subplans=tuple(every.values()))


def _node(chance: Random, index: int, name: str, depth: int, subs: dict[str, Plan], wide: bool) -> Node:
    before = range(index)
    most = index if wide else min(index, chance.choice((0, 1, 1, 1, 2, 2, 3)))
    needs = tuple(chance.sample(before, min(index, most)))
    key, queue = f"t{index}", chance.choice(QUEUES)
    run_if = chance.choice(("all_ok",) * 8 + ("all_done", "all_done", "any_failed", "one_ok")) if needs else "all_ok"
    kind = chance.random()
    if kind < 0.07 and depth < 2:
        sub = random_plan(chance, f"{name}_{index}", depth + 1)
        subs[sub.hash] = sub
        about = SubRun(sub.definition, sub.hash)
        return Node(index, key, "umbel.step", needs, queue, run_if=run_if, workflow=about)
    if kind < 0.12:
        timeout = chance.choice((None, 1.0, 4.0))
        return Node(index, key, "umbel.step", needs, queue, run_if=run_if, approval=True, timeout=timeout)
    if kind < 0.27:
        items = [f"i{place}" for place in range(chance.choice((0, 1, 2, 3, 5, 9)))]
        most_at_once = chance.choice((None, 1, 2))
        return Node(index, key, "t", needs, queue, run_if=run_if, map=items, max_parallel=most_at_once)
    when = "no" if chance.random() < 0.06 else None
    countdown = chance.choice((0.5, 3.0)) if chance.random() < 0.06 else None
    quiet = chance.random() < 0.05
    return Node(index, key, "t", needs, queue, run_if=run_if, when=when, countdown=countdown, quiet=quiet)
