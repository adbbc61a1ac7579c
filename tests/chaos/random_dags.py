"""Definitions by chance, as YAML: any DAG with blocks, conditions, maps, retries, runs of others, and failures."""

from random import Random
from typing import Any

import yaml

NAME = "r.DAG"
PAYLOAD = {"n": 6, "rows": [3, 1, 2]}
CHILDREN: dict[str, Any] = {
    "r.LIST": {"tasks": ["node.sum", {"G": {"type": "group", "tasks": ["node.again", "node.picky"]}}, "node.sum"]},
    "r.GRAPH": {
        "schema": {"properties": {"n": {"type": "integer"}}},
        "defaults": {"n": 2, "rows": []},
        "tasks": {
            "a": {"task": "node.sum", "with": {"n": "${payload.n}"}},
            "b": {"task": "node.picky", "needs": "a", "map": "${tasks.a.result.rows}"},
            "c": {"task": "node.sum", "needs": "a", "when": "payload.n % 2 == 0"},
            "d": {"workflow": "r.LIST", "needs": ["b", "c"], "run_if": "all_done", "payload": {"n": "${payload.n}"}},
        },
    },
}


def text_of(size: int, seed: int) -> str:
    """A file whose definition `r.DAG` has `size` tasks."""
    chance = Random(seed)
    tasks: dict[str, Any] = {}
    plain: list[str] = []
    left = size
    while left > 0:
        key = f"k{len(tasks)}"
        needs = _needs(chance, list(tasks))
        if left > 3 and chance.random() < 0.06:
            inside = _block(chance, min(left, 8), 0)
            tasks[key] = {**inside, "needs": needs}
            left -= _count(inside)
            continue
        tasks[key] = _task(chance, needs, [need for need in needs if need in plain])
        plain.append(key)
        left -= 1
    hooks = {"success": "node.sum", "failure": "node.sum"} if chance.random() < 0.5 else {}
    order = list(tasks)
    chance.shuffle(order)  # a file may name a task before what it needs
    whole = {NAME: {"tasks": {key: tasks[key] for key in order}, "hooks": hooks}, **CHILDREN}
    return yaml.safe_dump(whole, sort_keys=False)


def _needs(chance: Random, before: list[str]) -> list[str]:
    near = before[-12:] if chance.random() < 0.8 else before
    return chance.sample(near, min(len(near), chance.choice((0, 1, 1, 1, 2, 2, 3, 6))))


def _block(chance: Random, most: int, depth: int) -> dict[str, Any]:
    steps: list[Any] = []
    for _ in range(chance.randint(1, 3)):
        if depth < 2 and most > 4 and chance.random() < 0.3:
            steps.append({f"B{depth}": _block(chance, most // 2, depth + 1)})
        else:
            steps.append(chance.choice(("node.sum", "node.sum", "node.again", "node.picky")))
    return {"type": chance.choice(("chain", "group")), "tasks": steps}


def _count(block: dict[str, Any]) -> int:
    return sum(1 if isinstance(step, str) else _count(*step.values()) for step in block["tasks"])


def _task(chance: Random, needs: list[str], known: list[str]) -> dict[str, Any]:
    """A step; its expressions name only `known`, the needs that are no blocks."""

    def number() -> str:
        return f"tasks.{chance.choice(known)}.result.n" if known and chance.random() < 0.7 else "payload.n"

    common: dict[str, Any] = {"needs": needs} if needs else {}
    if chance.random() < 0.15:
        common["when"] = chance.choice((f"{number()} % 4 != 0", f"{number()} > 100", "payload.rows.size() == 3"))
    if chance.random() < 0.25:
        common["run_if"] = chance.choice(("all_done", "all_done", "any_failed", "one_ok"))
    if known and chance.random() < 0.1:
        common["when"] = f"tasks.{chance.choice(known)}.state in ['success', 'skipped']"
    if chance.random() < 0.05:
        payload = chance.choice(({}, {"n": f"${{{number()}}}"}))
        return {"workflow": chance.choice(tuple(CHILDREN)), "payload": payload, **common}
    task: dict[str, Any] = {"task": chance.choice(("node.sum",) * 8 + ("node.again", "node.picky")), **common}
    if chance.random() < 0.4:
        task["with"] = {"x": f"${{{number()}}}", "text": f"n is ${{{number()}}}"}
    if chance.random() < 0.1:
        task["map"] = f"${{tasks.{chance.choice(known)}.result.rows}}" if known else chance.choice(([], [7], [5, 6, 8]))
        if "with" in task:
            task["with"]["item"] = "${item}"
        if chance.random() < 0.5:
            task["max_parallel"] = chance.randint(1, 3)
    if chance.random() < 0.1:
        task["task"] = "node.flawed"
        task["retry"] = {"max_attempts": chance.randint(1, 3), "backoff": "constant", "initial": 0, "on": ["Flaw"]}
        if "with" in task:
            task["with"]["flaws"] = chance.randint(0, 3)
    return task
