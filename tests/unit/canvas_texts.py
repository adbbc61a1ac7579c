"""Canvases as Python text by chance, in the forms that are read."""

import random

TASKS = "abcdef"


def a_text(seed: int) -> str:
    """The same for the same seed; now and then with names for parts, and callbacks."""
    chance = random.Random(seed)
    text = _canvas(chance, 3)
    if chance.random() < 0.3:
        last = chance.choice(["x", "chain(x, d.s())", "x | d.s()", "chain(a.s(), x)", "d.s() | x"])
        text = f"x = {text}\nx.link(e.s())\nx.link_error(f.s(3))\n{last}"
    return text


def _canvas(chance: random.Random, depth: int) -> str:
    def several(least: int) -> str:
        return ", ".join(_canvas(chance, depth - 1) for _ in range(chance.choice([least, 1, 2, 2, 3])))

    queue = chance.choice(["", "", ".set(queue='z')"])
    match chance.choice(["task"] * 3 + (["chain", "group", "chord", "or", "or", "loop"] if depth else [])):
        case "chain":
            return chance.choice([f"chain({several(0)})", f"chain([{several(1)}])", f"chain({several(1)})"]) + queue
        case "group":
            return chance.choice([f"group({several(0)})", f"group([{several(0)}])"]) + queue
        case "chord":
            body = _canvas(chance, depth - 1)
            several_or_one = f"[{several(0)}]" if chance.random() < 0.7 else _canvas(chance, depth - 1)
            return f"chord({several_or_one}, {body})"
        case "or":
            return f"({_canvas(chance, depth - 1)} | {_canvas(chance, depth - 1)})"
        case "loop":
            loops = [
                f"group(a.s(i, i * 2 + 1) for i in range({chance.choice([1, 2, 3])}))",
                "chain([b.s(x) for x in [1, 2]])",
                "chord([b.s(x, -y) for x, y in [(1, 2), (3, 4)]], c.s())",
            ]
            return chance.choice(loops)
    return _task(chance)


def _task(chance: random.Random) -> str:
    name = chance.choice(TASKS)
    special = chance.random()
    if special < 0.06:
        return f"{name}.map([1, 2])"
    if special < 0.1:
        return f"{name}.chunks([(1, 2), (3, 4)], 1).group()"
    if special < 0.14:
        return f'signature("{name}", (1,), {{"x": 2}}, immutable=True, queue="q")'
    method = chance.choice(["s", "s", "s", "si"])
    args = chance.choice(["", "1", "1, x=2", "[1, (2, 3)]", "'ä \"x\"', None, True, 1.5"])
    more = chance.choice(["", "", "", ".set(queue='q', countdown=5)", ".set(immutable=True)", ".clone((9,))"])
    return f"{name}.{method}({args}){more}"
