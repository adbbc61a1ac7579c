"""A plan as an SVG: for the browser, a README, a dashboard. It follows the reader's light or dark theme."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from umbel.plan.model import Node, Plan
from umbel.plan.picture.layout import Layout, place
from umbel.plan.picture.marks import calls, is_conditional, kind_of, marks

_LINE: Final = 16.0
_GAP: Final = 64.0
"""Between two layers."""
_ROW: Final = 14.0
"""Between two tasks of a layer."""
_MARGIN: Final = 12.0
_LETTER: Final = 7.3
"""Width of a letter at 12 px in a monospaced font, rounded up."""
_LONGEST: Final = 32
"""Letters of a line; the whole stands in the title that a pointer shows."""

_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML 1.0 holds these

_STYLE: Final = """
.umbel-graph{color:#1f2328;color-scheme:light dark;font:12px ui-monospace,Menlo,Consolas,monospace}
.umbel-graph .t{fill:#f6f8fa;stroke:currentColor;stroke-width:1.2}
.umbel-graph .maybe .t{stroke-dasharray:5 3}
.umbel-graph .e{fill:none;stroke:currentColor;stroke-width:1.2;opacity:.6}
.umbel-graph .e.maybe{stroke-dasharray:5 3}
.umbel-graph .h{fill:currentColor;opacity:.6}
.umbel-graph text{fill:currentColor;text-anchor:middle}
.umbel-graph .m{opacity:.75}
.umbel-graph .success .t{stroke:#1a7f37;fill:#dafbe1}
.umbel-graph .error .t{stroke:#cf222e;fill:#ffebe9}
.umbel-graph .running .t{stroke:#0969da;fill:#ddf4ff}
.umbel-graph .expanded .t{stroke:#0969da;fill:#ddf4ff}
.umbel-graph .retrying .t{stroke:#9a6700;fill:#fff8c5}
.umbel-graph .awaiting_input .t{stroke:#8250df;fill:#fbefff}
.umbel-graph :is(.canceled,.skipped,.upstream_failed){opacity:.6}
@media (prefers-color-scheme:dark){
.umbel-graph{color:#e6edf3}
.umbel-graph .t{fill:#161b22}
.umbel-graph .success .t{stroke:#3fb950;fill:#12261e}
.umbel-graph .error .t{stroke:#f85149;fill:#2d1517}
.umbel-graph :is(.running,.expanded) .t{stroke:#4493f8;fill:#121d2f}
.umbel-graph .retrying .t{stroke:#d29922;fill:#272115}
.umbel-graph .awaiting_input .t{stroke:#ab7df8;fill:#211a2e}
}
""".strip()


def svg(plan: Plan, states: Mapping[int, str] | None = None) -> str:
    """A drawing, left to right, that holds everything it needs.

    A stack of frames is a task that runs for each item of a list, a double frame another workflow, a hexagon an
    approval, a dashed frame a task with a condition, and round ends are a hook's. `states`, by index, are shown as text
    and colour.

    Raises:
        BadRequest: it has more tasks or connections than a picture can show.
    """
    return _Drawing(plan, states or {}, place(plan)).text()


class _Drawing:
    def __init__(self, plan: Plan, states: Mapping[int, str], layout: Layout) -> None:
        self.plan, self.states, self.layout = plan, states, layout
        self.lines = [_lines(node, states.get(node.index, "")) for node in plan.nodes]
        self.tall = _LINE * max((len(lines) for lines in self.lines), default=1) + 12
        layers = max(layout.layer, default=-1) + 1
        wide = [0.0] * layers
        for index in range(plan.tasks):
            wide[layout.layer[index]] = max(wide[layout.layer[index]], self._width(index))
        left = [_MARGIN]
        for each in wide:
            left.append(left[-1] + each + _GAP)
        self.middles = [left[layer] + each / 2 for layer, each in enumerate(wide)]
        self.halves = [each / 2 for each in wide]
        self.width = max(left[-1] - _GAP, 0.0) + _MARGIN if layers else 2 * _MARGIN
        bottom = max([*layout.height, *(at for way in layout.ways.values() for _, at in way)], default=0.0)
        self.height = 2 * _MARGIN + (bottom + 1) * (self.tall + _ROW)
        self.at: list[tuple[float, float]] = [
            (self.middles[layer], self._y(height)) for layer, height in zip(layout.layer, layout.height, strict=True)
        ]
        hooks = [node.index for node in plan.nodes if node.hook]
        x = _MARGIN
        for index in hooks:
            self.at.append((x + self._width(index) / 2, self.height + self.tall / 2))
            x += self._width(index) + _ROW
        if hooks:
            self.width = max(self.width, x + _MARGIN)
            self.height += self.tall + _MARGIN

    def text(self) -> str:
        name = f"umbel-{self.plan.hash[:12]}"
        size = f'width="{self.width:.0f}" height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="umbel-graph" {size} role="img" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{_safe(self.plan.definition)}</title>',
            f'<desc id="{name}-desc">{_safe(self._description())}</desc>',
            f"<style>{_STYLE}</style>",
            f'<defs><marker id="{name}-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            'markerUnits="userSpaceOnUse" orient="auto"><path class="h" d="M0 0 8 4 0 8z"/></marker></defs>',
            *self._edges(f"url(#{name}-arrow)"),
            *(self._task(node) for node in self.plan.nodes),
            "</svg>\n",
        ]
        return "\n".join(parts)

    def _description(self) -> str:
        told = [f"{self.plan.tasks} tasks."]
        if self.states:
            counts = Counter(self.states.values())
            told.append(", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items()) + ".")
        for node in self.plan.nodes[:50]:
            needs = ", ".join(self.plan.nodes[need].key for need in node.needs[:20])
            told.append(f"{node.key}{f' after {needs}' if needs else ''}.")
        if len(self.plan.nodes) > 50:
            told.append(f"And {len(self.plan.nodes) - 50} more.")
        return " ".join(told)

    def _y(self, height: float) -> float:
        return _MARGIN + (height + 0.5) * (self.tall + _ROW)

    def _width(self, index: int) -> float:
        return _LETTER * max(len(line) for line in self.lines[index]) + 28

    def _edges(self, arrow: str) -> Iterator[str]:
        for (start, end), way in self.layout.ways.items():
            x, y = self.at[start]
            path = [f"M{x + self._width(start) / 2:.1f} {y:.1f}"]
            x += self._width(start) / 2
            # Across each layer on its way the line runs level, so that it does not cut through the layer's tasks.
            stops = [(self.middles[layer] - self.halves[layer], self._y(height), layer) for layer, height in way]
            for left, top, layer in stops:
                path.append(_curve(x, y, left, top))
                x, y = self.middles[layer] + self.halves[layer], top
                path.append(f"H{x:.1f}")
            left, top = self.at[end]
            path.append(_curve(x, y, left - self._width(end) / 2, top))
            kind = "e maybe" if is_conditional(self.plan.nodes[end]) else "e"
            yield f'<path class="{kind}" marker-end="{arrow}" d="{"".join(path)}"/>'

    def _task(self, node: Node) -> str:
        state, (x, y) = self.states.get(node.index, ""), self.at[node.index]
        classes = [kind_of(node), *(["maybe"] if is_conditional(node) else []), *([state] if state else [])]
        whole = [node.key, *([calls(node)] if calls(node) else []), *marks(node)]
        if node.when is not None:
            whole.append(node.when)
        lines = self.lines[node.index]
        first = y - _LINE * (len(lines) - 1) / 2 + 4
        texts = [
            f'<text class="{"m" if number else "k"}" x="{x:.1f}" y="{first + _LINE * number:.1f}">{_safe(line)}</text>'
            for number, line in enumerate(lines)
        ]
        title = f"<title>{_safe(' · '.join([*whole, *([state] if state else [])]))}</title>"
        shape = "".join(_shape(node, x, y, self._width(node.index), self.tall))
        return f'<g class="{_safe(" ".join(classes))}">{title}{shape}{"".join(texts)}</g>'


def _shape(node: Node, x: float, y: float, wide: float, tall: float) -> Iterator[str]:
    left, top = x - wide / 2, y - tall / 2
    match kind_of(node):
        case "approval":
            edge = [(0, tall / 2), (9, 0), (wide - 9, 0), (wide, tall / 2), (wide - 9, tall), (9, tall)]
            yield f'<polygon class="t" points="{" ".join(f"{left + dx:.1f},{top + dy:.1f}" for dx, dy in edge)}"/>'
        case "map":
            yield _frame(left + 5, top + 5, wide, tall, 5)
            yield _frame(left, top, wide, tall, 5)
        case "workflow":
            yield _frame(left, top, wide, tall, 5)
            yield _frame(left + 4, top + 3, wide - 8, tall - 6, 3)
        case "hook":
            yield _frame(left, top, wide, tall, tall / 2)
        case _:
            yield _frame(left, top, wide, tall, 5)


def _frame(left: float, top: float, wide: float, tall: float, round_: float) -> str:
    return f'<rect class="t" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="{round_:.0f}"/>'


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _lines(node: Node, state: str) -> list[str]:
    found = [node.key, calls(node), ", ".join(marks(node)), state.replace("_", " ")]
    return [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…" for line in found if line]


def _safe(text: str) -> str:
    """Text for XML: nothing in it is markup, whatever an author called a task."""
    return escape(_UNFIT.sub("\ufffd", text), quote=True)
