"""The tasks that a canvas as text names: as they are written or imported, or the only one that ends so."""

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from umbel.definition.problems import Report, shorten
from umbel.plan.explain.bounds import Refused, place


@dataclass(slots=True)
class Names:
    """Imports and known tasks of one text. `unknown`: a task was named that is not there."""

    report: Report
    tasks: Collection[str] | None
    lines: Sequence[str]
    aliases: dict[str, str] = field(default_factory=dict)
    unknown: bool = False
    _found: dict[str, str] = field(default_factory=dict)

    def learn(self, node: ast.Import | ast.ImportFrom) -> None:
        """Take in an import: what a name stands for. Nothing is imported."""
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module and not node.level else ""
        for each in node.names:
            if isinstance(node, ast.ImportFrom) or each.asname:
                self.aliases[each.asname or each.name] = module + each.name

    def task(self, path: str, node: ast.expr) -> str:
        """The name of a task. One that is not there is reported, and given back as it is."""
        if path not in self._found:
            self._found[path] = self._look_up(path, node)
        return self._found[path]

    def _look_up(self, path: str, node: ast.expr) -> str:
        if len(path) > 200 or not path.isprintable() or not path:
            raise Refused("canvas-form", node, f"{shorten(path)} is no name of a task")
        if self.tasks is None or path in self.tasks:
            return path
        last = path.rpartition(".")[2]
        found = [each for each in self.tasks if each == last] or [
            each for each in self.tasks if each.rpartition(".")[2] == last
        ]
        longer = [each for each in found if each.endswith(f".{path}")] or found
        if len(longer) == 1:
            return longer[0]
        self.unknown = True
        where = place(self.lines, node)
        if longer:
            hint = f'Write signature("{sorted(longer)[0]}").'
            self.report.add("unknown-task", where, f"{len(longer)} tasks are called {shorten(last)}", hint)
        else:
            hint = self.report.nearest(path, self.tasks) or "Is its module in tasks/ and free of import errors?"
            self.report.add("unknown-task", where, f"there is no task {shorten(path)}", hint)
        return path
