"""Where the tasks of a plan stand in a picture: a small layered layout (after Sugiyama, Tagawa and Toda, 1981).

A task's layer is the length of the longest path to it. A connection that passes layers gets a point in each of them, so
that it finds its own way between the tasks. Within a layer, what belongs together is brought together by taking, again
and again, the mean place of the neighbours; then each point moves as near to its neighbours as the order allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from umbel.errors import BadRequest
from umbel.plan.model import Plan

MAX_TASKS: Final = 2_000
MAX_POINTS: Final = 10_000
"""Connections, and places where they pass a layer."""
_SWEEPS: Final = 8


def levels(plan: Plan) -> list[list[int]]:
    """The tasks by the length of the longest path that leads to them; each level in definition order."""
    level = [0] * plan.tasks
    for index in plan.order:
        level[index] = max((level[need] + 1 for need in plan.nodes[index].needs), default=0)
    rows: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for index, place in enumerate(level):
        rows[place].append(index)
    return rows


@dataclass(frozen=True, slots=True)
class Layout:
    """Layer and height of each task, and for each connection (need, task) the points on its way.

    Heights are counted in tasks; a passing connection takes `room` of a task's. They begin at 0.
    """

    layer: Sequence[int]
    height: Sequence[float]
    ways: dict[tuple[int, int], list[tuple[int, float]]]


ROOM: Final = 0.35


def place(plan: Plan) -> Layout:
    """The layout of a plan's tasks; hooks are no part of it.

    Raises:
        BadRequest: there are more tasks or connections than a picture can show.
    """
    rows: list[list[int]] = levels(plan)
    layer = [0] * plan.tasks
    for number, row in enumerate(rows):
        for index in row:
            layer[index] = number
    edges = [(need, node.index) for node in plan.nodes[: plan.tasks] for need in node.needs]
    if plan.tasks > MAX_TASKS or sum(layer[end] - layer[start] for start, end in edges) > MAX_POINTS:
        raise BadRequest(
            f"{plan.definition} is too large for a picture: {plan.tasks:,} tasks, {len(edges):,} connections.",
            hint="The format ascii shows it in short.",
        )
    points = plan.tasks
    passing: dict[tuple[int, int], list[int]] = {}
    for start, end in edges:
        passing[start, end] = list(range(points, points + layer[end] - layer[start] - 1))
        for number, point in enumerate(passing[start, end], layer[start] + 1):
            rows[number].append(point)
        points += len(passing[start, end])
    before: list[list[int]] = [[] for _ in range(points)]
    after: list[list[int]] = [[] for _ in range(points)]
    for (start, end), way in passing.items():
        for one, other in zip([start, *way], [*way, end], strict=True):
            after[one].append(other)
            before[other].append(one)
    _order(rows, before, after)
    height = _heights(rows, before, after, plan.tasks)
    ways = {
        edge: [(layer[edge[0]] + 1 + step, height[point]) for step, point in enumerate(way)]
        for edge, way in passing.items()
    }
    return Layout(layer, height[: plan.tasks], ways)


def _order(rows: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Bring neighbours together, layer by layer, forth and back; keep the order with the fewest crossings."""
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        neighbours, way = (before, rows[1:]) if sweep % 2 == 0 else (after, rows[-2::-1])
        where = {point: place for row in rows for place, point in enumerate(row)}
        for row in way:
            mean = {
                point: sum(where[each] for each in neighbours[point]) / len(neighbours[point])
                if neighbours[point]
                else where[point]
                for point in row
            }
            row.sort(key=lambda point, mean=mean: mean[point])  # type: ignore[misc]
            for place, point in enumerate(row):
                where[point] = place
        found = _crossings(rows, after)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    rows[:] = best


def _crossings(rows: list[list[int]], after: list[list[int]]) -> int:
    """How often connections cross: inversions between neighbouring layers, counted with a Fenwick tree."""
    total = 0
    for row, following in pairwise(rows):
        where = {point: place for place, point in enumerate(following)}
        tree = [0] * (len(following) + 1)
        seen = 0
        for point in row:
            ends = sorted(where[each] for each in after[point])
            for end in ends:
                total += seen - _upto(tree, end)
            for end in ends:
                place = end + 1
                while place < len(tree):
                    tree[place] += 1
                    place += place & -place
            seen += len(ends)
    return total


def _upto(tree: list[int], end: int) -> int:
    place, total = end + 1, 0
    while place:
        total += tree[place]
        place -= place & -place
    return total


def _heights(rows: list[list[int]], before: list[list[int]], after: list[list[int]], tasks: int) -> list[float]:
    height = [0.0] * len(before)
    for row in rows:
        for point, at in zip(row, _offsets(row, tasks), strict=True):
            height[point] = at
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = []
            for point in row:
                near = before[point] + after[point]
                wanted.append(sum(height[each] for each in near) / len(near) if near else height[point])
            for point, at in zip(row, _nearest(wanted, _offsets(row, tasks)), strict=True):
                height[point] = at
    lowest = min(height, default=0.0)
    return [at - lowest for at in height]


def _offsets(row: Sequence[int], tasks: int) -> list[float]:
    """The least heights of a layer's points above its first, so that none touch."""
    found, at = [], 0.0
    for number, point in enumerate(row):
        half = 0.5 if point < tasks else ROOM / 2
        at += half if number else 0.0
        found.append(at)
        at += half
    return found


def _nearest(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The heights nearest to those wanted (least squares) that keep order and distance: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []  # sum of (wanted - offset), how many
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while blocks and blocks[-1][0] * count >= total * blocks[-1][1]:
            more, others = blocks.pop()
            total, count = total + more, count + others
        blocks.append((total, count))
    base = [total / count for total, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(base, offsets, strict=True)]
