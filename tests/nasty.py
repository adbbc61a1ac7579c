"""Definition files that hurt careless readers: bombs, sizes at the limit, odd YAML. Each with what must come of it."""

from typing import Final

from umbel.definition.document import MAX_VALUES

ACCEPTED: Final = ""
"""It can be used as it stands (with warnings, perhaps)."""
ANY: Final = "*"
"""Whatever is said of it: that it ends, and soon."""


def _bomb(levels: int, width: int) -> str:
    """`width ** levels` values by aliases of aliases."""
    lines = ["a.B:", "  x0: &x0 [1]"]
    for level in range(1, levels):
        lines.append(f"  x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * width)}]")
    return "\n".join([*lines, "  tasks: [A]", ""])


def _many(start: str, each: str, count: int, end: str) -> str:
    return start + each * count + end


_TASKS: Final = "a.B: {tasks: [A]}\n"
_TASKS_MOST: Final = MAX_VALUES // 7 - 1
"""Tasks of a key, a name and one need."""
_HALF: Final = "A, " * (MAX_VALUES // 2 - 20)

NASTY: Final[dict[str, tuple[str, str]]] = {
    # aliases
    "bomb of lists": (_bomb(9, 9), "alias-bomb"),
    "bomb of pairs": (_bomb(40, 2), "alias-bomb"),
    "bomb of mappings": (
        "a.B:\n  x0: &x0 {a: 1}\n"
        + "".join(f"  x{n}: &x{n} {{{', '.join(f'k{i}: *x{n - 1}' for i in range(9))}}}\n" for n in range(1, 9))
        + "  tasks: [A]\n",
        "alias-bomb",
    ),
    "bomb of merges": (
        "x0: &x0 {a: 1}\n"
        + "".join(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}\n" for n in range(1, 9))
        + _TASKS,
        "alias-bomb",
    ),
    "one alias very often": (
        _many("a.B:\n  x: &a [1, 1, 1]\n  tasks: [A]\n  y: [", "*a, ", 20_000, "]\n"),
        "alias-bomb",
    ),
    "aliases to the limit": (_many("a.B:\n  x: &a A\n  tasks: [*a, ", "*a, ", MAX_VALUES - 100, "]\n"), ACCEPTED),
    "an alias of itself": ("a.B: &a {tasks: [*a]}\n", "alias-bomb"),
    "a key that is an alias of itself": ("&a a.B: {tasks: [A], ? *a : x}\n", ANY),
    "an alias of nothing": ("a.B: {tasks: [*x]}\n", "yaml-syntax"),
    "anchors without an alias": ("".join(f"- &a{n} x\n" for n in range(60_000)), "file-too-large"),
    "the same anchor twice": ("a.B: {x: &a 1, y: &a 2, tasks: [A]}\n", "yaml-syntax"),
    # depth
    "flow depth": ("[" * 500_000, "too-deep"),
    "flow depth of mappings": ("{a: " * 200_000, "too-deep"),
    "block depth": ("".join(f"{' ' * n}a:\n" for n in range(1_300)), "too-deep"),
    "depth of dashes": ("- " * 400_000, "too-deep"),
    "depth of keys": ("? " * 400_000, "too-deep"),
    "depth by aliases": (
        "".join(f"x{n}: &x{n} [*x{n - 1}]\n" if n else "x0: &x0 [1]\n" for n in range(80)),
        "too-deep",
    ),
    "groups in groups": (
        "a.B: {tasks: [" + "{G: {type: group, tasks: [" * 15 + "A" + "]}}" * 15 + "]}\n",
        ACCEPTED,
    ),
    # sizes
    "a megabyte of text": (f"a.B: {{tasks: [A], description: {'x' * 990_000}}}\n", ACCEPTED),
    "a megabyte in quotes": (f'a.B: {{tasks: [A], description: "{chr(92)}u00e9{"x" * 990_000}"}}\n', ACCEPTED),
    "a megabyte of escapes": (_many('a.B: {tasks: [A], description: "', "\\x41", 240_000, '"}\n'), ACCEPTED),
    "a megabyte of lines": (f"{_TASKS}#{chr(10) * 990_000}", ACCEPTED),
    "a megabyte of comments": ("# x\n" * 240_000 + _TASKS, ACCEPTED),
    "a megabyte of blanks": (f"{_TASKS}{' ' * 990_000}", ACCEPTED),
    "a folded megabyte": ("a.B:\n  tasks: [A]\n  description: >\n" + "    x\n" * 160_000, ACCEPTED),
    "two megabytes": (_TASKS + "#" * 2_000_000, "file-too-large"),
    "a key of a megabyte": (f"a.{'B' * 900_000}: {{tasks: [A]}}\n", ANY),
    "a huge key in quotes": (f'? "a.{"B" * 900_000}"\n: {{tasks: [A]}}\n', "bad-name"),
    "a huge name of a task": (f"a.B: {{tasks: ['{'A' * 900_000}']}}\n", "bad-task-name"),
    "a huge number": (f"a.B: {{tasks: [A], x: {'9' * 900_000}}}\n", "bad-value"),
    "a huge sexagesimal": (f"a.B: {{tasks: [A], x: 1{':59' * 300_000}}}\n", "bad-value"),
    "a huge float": (f"a.B: {{tasks: [A], x: 1.{'0' * 900_000}}}\n", "bad-value"),
    "a hundred thousand definitions": ("".join(f"a.B{n}: {{tasks: [A]}}\n" for n in range(100_000)), "file-too-large"),
    "as many definitions as fit in a megabyte": (
        "".join(f"a.B{n}: {{tasks: [A]}}\n" for n in range(42_000)),
        "file-too-large",
    ),
    "as many definitions as are allowed": (
        "".join(f"a.B{n}: {{tasks: [A]}}\n" for n in range(MAX_VALUES // 5 - 1)),
        ACCEPTED,
    ),
    "as many tasks as are allowed": (_many("a.B: {tasks: [A, ", "A, ", MAX_VALUES - 10, "A]}\n"), ACCEPTED),
    "as large a graph as is allowed": (
        "a.B:\n  tasks:\n    k0: {task: A}\n"
        + "".join(f"    k{n}: {{task: A, needs: [k{n - 1}]}}\n" for n in range(1, _TASKS_MOST)),
        ACCEPTED,
    ),
    "as many conditions as are allowed": (
        "a.B:\n  tasks:\n"
        + "".join(f"    k{n}: {{task: A, when: payload.x, with: {{x: '${{payload.a[{n}]}}'}}}}\n" for n in range(1000)),
        ACCEPTED,
    ),
    "a block that waits for a block": (
        f"a.B: {{tasks: {{a: {{type: group, tasks: [{_HALF}]}}, b: {{needs: a, type: group, tasks: [{_HALF}]}}}}}}\n",
        "plan-too-large",
    ),
    "tasks that wait for a block": (
        f"a.B: {{tasks: {{a: {{type: group, tasks: [{_HALF}]}}, "
        + ", ".join(f"k{n}: {{task: A, needs: a}}" for n in range(MAX_VALUES // 12))
        + "}}\n",
        "plan-too-large",
    ),
    "a group after a group inside a block": (
        f"a.B: {{tasks: {{a: {{type: chain, tasks: [{{G: {{type: group, tasks: [{_HALF}]}}}}, "
        f"{{H: {{type: group, tasks: [{_HALF}]}}}}]}}}}}}\n",
        "plan-too-large",
    ),
    "a group after a group": (
        f"a.B: {{tasks: [{{G: {{type: group, tasks: [{_HALF}]}}}}, {{H: {{type: group, tasks: [{_HALF}]}}}}]}}\n",
        ANY,
    ),
    "a circle of all": (
        "a.B:\n  tasks:\n"
        + "".join(f"    k{n}: {{task: A, needs: [k{(n + 1) % _TASKS_MOST}]}}\n" for n in range(_TASKS_MOST)),
        "cycle",
    ),
    "only wrong names": ("".join(f"k{n}: 1\n" for n in range(MAX_VALUES // 2 - 1)), "bad-name"),
    "only wrong needs": (
        "a.B:\n  tasks:\n" + "".join(f"    k{n}: {{task: A, needs: [j{n}]}}\n" for n in range(_TASKS_MOST)),
        "unknown-need",
    ),
    "only misspelt keys": (
        "a.B:\n  tasks:\n" + "".join(f"    k{n}: {{task: A, nedes{n}: x}}\n" for n in range(MAX_VALUES // 6 - 1)),
        "unknown-key",
    ),
    "the same key again and again": (
        _many("a.B: {tasks: [A], ", "k: 1, ", MAX_VALUES // 2 - 10, "}\n"),
        "duplicate-key",
    ),
    "the same definition again and again": ("a.B: {tasks: [A]}\n" * (MAX_VALUES // 5 - 1), ACCEPTED),
    "five hundred parts that are not YAML": ("".join(f"a.B{n}: [\n" for n in range(499)), "yaml-syntax"),
    "large parts that are not YAML": ("".join(f"a.B{n}: [{'A,' * 1000}\n" for n in range(480)), ANY),
    # odd YAML
    "NUL": ("a.B: {tasks: [A\0]}\n", "bad-character"),
    "NUL as an escape": ('a.B: {tasks: ["A\\0"]}\n', "bad-task-name"),
    "half a character": ('a.B: {tasks: [A], x: "\\ud800"}\n', ANY),
    "control characters": ("a.B: {tasks: [A]}\x07\n", "bad-character"),
    "tabs": ("a.B:\n\ttasks:\n\t\t- A\n", "yaml-syntax"),
    "two documents": ("a.B: {tasks: [A]}\n---\na.C: {tasks: [A]}\n", "yaml-syntax"),
    "directives": ("%YAML 1.1\n%TAG ! tag:x,2000:\n---\na.B: {tasks: [!x A]}\n", ANY),
    "python objects": ('a.B: {tasks: [A], x: !!python/object/apply:os.system ["true"]}\n', "bad-value"),
    "a python name as a task": ("a.B: {tasks: [!!python/name:os.system A]}\n", "bad-step"),
    "sets": ("a.B: {tasks: !!set {A, B}}\n", ANY),
    "ordered mappings": ("a.B: !!omap [{tasks: [A]}]\n", "bad-definition"),
    "binary": ("a.B: {tasks: [A], x: !!binary aGk=}\n", "bad-value"),
    "a tag on a key": ("!!int a.B: {tasks: [A]}\n", ANY),
    "a tag of a megabyte": (f"a.B: {{tasks: [A], x: !<{'t' * 900_000}> y}}\n", "bad-value"),
    "merge of a text": ("a.B: {<<: x, tasks: [A]}\n", "bad-value"),
    "merge of itself": ("a.B: &a {<<: *a, tasks: [A]}\n", "alias-bomb"),
    "merge at the top": ("<<: {a.B: {tasks: [A]}}\na.C: {tasks: [A]}\n", ACCEPTED),
    "merge of merges": ("a.A: &a {tasks: [A]}\na.B: &b {<<: *a}\na.C: {<<: [*b, *a]}\n", ACCEPTED),
    "a key that is a mapping": ("? {a.B: 1}\n: {tasks: [A]}\n" + _TASKS, "bad-name"),
    "a key that is a list": ("a.B: {tasks: [A], ? [x] : y}\n", "bad-key"),
    "no key": (": {tasks: [A]}\n", ANY),
    "words that are values": ("a.B: {tasks: {on: {task: A}, 1: {task: A, needs: [on]}, ~: {task: A}}}\n", ANY),
    "no numbers": ("a.B: {tasks: [A], x: [.nan, .inf, -.inf]}\n", "bad-value"),
    "numbers of every kind": ("a.B: {tasks: [A], x: [0b1_0, 0o17, 0x_, 1:59, 1e3, 1_0.5, 0o8, ._]}\n", ANY),
    "dates that are none": ("a.B: {tasks: [A], x: [2026-99-99, 2026-01-01T99:00:00Z, 0000-00-00]}\n", ACCEPTED),
    "truths": ("a.B: {tasks: [A], x: [yes, no, on, off, y, n, true, ~, null]}\n", ACCEPTED),
    "other ends of lines": ("a.B:\r  tasks: [A]\u2028a.C:\x85  tasks: [A]\r\n", ACCEPTED),
    "right to left": ("a.B: {tasks: ['\u202eKSAT', '\u200f', '\u2066x']}\n", "bad-task-name"),
    "many scripts": ("a.B: {tasks: [Ärger, задача, 任務, 'e\u0301', 🐳]}\n", ACCEPTED),
    "a mark in the middle": ("a.B: {tasks: ['\ufeff']}\n", ANY),
    "only a mark": ("\ufeff", "no-definitions"),
    "an open quote": (f"a.B: {{tasks: ['{'x' * 400_000}\n", "yaml-syntax"),
    "an open block": ("a.B: |\n" + " x\n" * 300_000, "bad-definition"),
    "braces without end": ("{" * 30 + "}" * 29, "yaml-syntax"),
    "a schema that refers to itself": ("a.B: {tasks: [A], schema: {$ref: '#'}, periodic: {interval: 5}}\n", ANY),
    "a pattern that never ends": (
        "a.B: {tasks: [A], schema: {properties: {x: {pattern: '(a+)+$'}}}, periodic: {interval: 5}}\n",
        ACCEPTED,
    ),
    "a wrong schema, many times": (
        "".join(f"a.B{n}: {{tasks: [A], schema: {{type: nonsense}}}}\n" for n in range(MAX_VALUES // 9 - 1)),
        "bad-schema",
    ),
    "a crontab of a megabyte": (f"a.B: {{tasks: [A], periodic: {{crontab: '{'1,' * 400_000}1 * * * *'}}}}\n", ANY),
    "wrong time zones, many times": (
        "".join(
            f"a.B{n}: {{tasks: [A], periodic: {{interval: 5, timezone: Mars/B{n}}}}}\n"
            for n in range(MAX_VALUES // 11 - 1)
        ),
        "bad-schedule",
    ),
}
"""Name -> text, and the code of a problem that it must have."""
