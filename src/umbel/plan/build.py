"""Definition -> Plan: nested chains and groups become one flat DAG."""

from umbel.definition import HOOKS, Block, Catalog, Definition, Problem, TaskStep
from umbel.errors import DefinitionError
from umbel.plan import canvas
from umbel.plan.limits import MAX_DEPTH, MAX_EDGES, MAX_TASKS
from umbel.plan.model import Node, Plan


def build(definition: Definition) -> Plan:
    """The plan of a definition.

    In a chain, each step waits for all ends of the step before; in a group, all members wait for the same. A group that
    holds no task is passed over; what follows it takes the empty list, as in celery-director.

    Raises:
        DefinitionError: no task at all, too many tasks or connections, or nested too deep.
    """
    if definition.canvas is not None:
        return canvas.compile(definition.fullname, definition.canvas)
    builder = _Builder(definition)
    steps = definition.body.steps
    if any(isinstance(step, TaskStep) and step.needs is not None for step in steps):
        builder.add_graph()
    else:
        builder.add_block(definition.body, (), False, 0)
    if not builder.nodes:
        raise DefinitionError(f"{definition.fullname} has no task to run", hint="Add a task.")
    builder.add_hooks()
    try:
        return Plan(definition.fullname, tuple(builder.nodes))
    except ValueError as error:
        raise DefinitionError(f"{definition.fullname}: {error}") from error


def build_all(catalog: Catalog) -> tuple[dict[str, Plan], Catalog]:
    """The plans of a catalog by definition name, and the catalog without the definitions that have none."""
    plans: dict[str, Plan] = {}
    problems: list[Problem] = []
    for name, definition in catalog.definitions.items():
        try:
            plans[name] = build(definition)
        except DefinitionError as error:
            where = (definition.file, definition.line, 1 if definition.line else 0)
            problems.append(Problem(*where, "plan-too-large", str(error), error.hint, name))
    return plans, catalog.refuse(problems) if problems else catalog


class _Builder:
    """Nodes in definition order, and what must stay in bounds while they grow."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.nodes: list[Node] = []
        self._edges = 0
        self._keys: set[str] = set()
        self._uses: dict[str, int] = {}

    def add_graph(self) -> None:
        """The mapping form: each task names the keys that it needs."""
        steps = [step for step in self.definition.body.steps if isinstance(step, TaskStep)]
        index = {step.key: place for place, step in enumerate(steps)}
        for step in steps:
            try:
                needs = tuple(sorted(index[need] for need in step.needs or ()))
            except KeyError as error:
                raise DefinitionError(
                    f"{self.definition.fullname}: {step.key} needs {error}, which is not there"
                ) from error
            self.add_task(step, needs, False)

    def add_block(self, block: Block, needs: tuple[int, ...], after_empty: bool, depth: int) -> tuple[int, ...]:
        """Add the tasks of a chain or group that wait for `needs`; returns its ends, none if it holds no task."""
        if depth > MAX_DEPTH:
            raise DefinitionError(f"{self.definition.fullname} is nested deeper than {MAX_DEPTH}", hint="Flatten it.")
        ends: list[int] = []
        for step in block.steps:
            found: tuple[int, ...]
            if isinstance(step, TaskStep):
                found = (self.add_task(step, needs, after_empty),)
            else:
                found = self.add_block(step, needs, after_empty, depth + 1)
            if block.kind == "group":
                ends.extend(found)
            elif found:
                ends, needs, after_empty = list(found), found, False
            else:
                after_empty = True
        return tuple(ends)

    def add_task(self, step: TaskStep, needs: tuple[int, ...], after_empty: bool) -> int:
        """Add one task; returns its index."""
        index = len(self.nodes)
        self._edges += len(needs)
        if index >= MAX_TASKS or self._edges > MAX_EDGES:
            raise DefinitionError(
                f"{self.definition.fullname} has more than {MAX_TASKS:,} tasks or {MAX_EDGES:,} connections",
                hint="Between two large groups every task waits for every other: put one task between them to join.",
            )
        self.nodes.append(Node(index, self._unique(step.key), step.task, needs, self._queue(step), after_empty))
        return index

    def add_hooks(self) -> None:
        """The hooks stand behind all tasks."""
        for name in HOOKS:
            if step := self.definition.hooks.get(name):
                node = Node(len(self.nodes), self._unique(step.key), step.task, queue=self._queue(step), hook=name)
                self.nodes.append(node)

    def _queue(self, step: TaskStep) -> str | None:
        return step.queue or self.definition.custom_queues.get(step.task) or self.definition.default_queue

    def _unique(self, key: str) -> str:
        """`A`, then `A#2`, `A#3`, stepping over a task that is really called so."""
        name = key
        while name in self._keys:
            self._uses[key] = self._uses.get(key, 1) + 1
            name = f"{key}#{self._uses[key]}"
        self._keys.add(name)
        return name
