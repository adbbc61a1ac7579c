"""Definition -> Plan: nested chains and groups become one flat DAG."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from umbel.definition import HOOKS, Block, Catalog, Definition, Problem, TaskStep
from umbel.definition.calls import SECONDS
from umbel.definition.garbage import uncollected
from umbel.definition.keys import Keys
from umbel.definition.links import find_circles, in_order, started, unknown_workflows
from umbel.definition.marked import plain_secrets
from umbel.errors import DefinitionError
from umbel.plan import canvas, native
from umbel.plan.limits import MAX_DEPTH, MAX_EDGES, MAX_TASKS
from umbel.plan.model import Call, Node, Plan, SubRun

MAX_SUBPLANS: Final = 100
"""All of them are sent along when a run is started."""


class PlainSecret(DefinitionError):
    """The payload for another definition holds in plain text what that one's schema marks as a secret."""


def build(definition: Definition, others: Mapping[str, tuple[Definition, Plan]] | None = None) -> Plan:
    """The plan of a definition.

    In a chain, each step waits for all ends of the step before; in a group, all members wait for the same. A group that
    holds no task is passed over; what follows it takes the empty list, as in celery-director.

    Args:
        others: name -> definition and plan of those that it may start runs of.

    Raises:
        DefinitionError: no task at all, too many tasks or connections, nested too deep, a definition that is not among
            `others`, or `engine: canvas` for what is no canvas.
    """
    if definition.canvas is not None:
        return canvas.compile(definition.fullname, definition.canvas)
    builder = _Builder(definition, others or {})
    steps = definition.body.steps
    if any(isinstance(step, TaskStep) and step.needs is not None for step in steps):
        builder.add_graph()
    else:
        builder.add_block(definition.body, (), False, 0)
    if not builder.nodes:
        raise DefinitionError(f"{definition.fullname} has no task to run", hint="Add a task.")
    builder.add_hooks()
    try:
        plan = Plan(
            definition.fullname,
            tuple(builder.nodes),
            deadline=definition.deadline or (native.DEADLINE if definition.engine == "canvas" else None),
            engine=definition.engine,
            webhook=definition.webhook,
            subplans=builder.subplans(),
        )
    except ValueError as error:
        raise DefinitionError(f"{definition.fullname}: {error}") from error
    if plan.engine == "canvas":
        native.check(plan)
    return plan


@uncollected()
def build_all(catalog: Catalog) -> tuple[dict[str, Plan], Catalog]:
    """The plans of a catalog by definition name, and the catalog without the definitions that have none.

    A definition that starts another has a plan only if that one has.
    """
    starts = {name: started(each) for name, each in catalog.definitions.items()}
    circles = find_circles(catalog, starts)
    problems = list(circles.values())
    plans: dict[str, Plan] = {}
    built: dict[str, tuple[Definition, Plan]] = {}
    for name in in_order(starts, circles.keys()):
        definition = catalog.definitions[name]
        if wrong := unknown_workflows(definition, starts[name], catalog, built.keys()):
            problems += wrong
            continue
        try:
            plan = build(definition, built)
        except DefinitionError as error:
            code = "not-a-canvas" if definition.engine == "canvas" else "plan-too-large"
            code = "plain-secret" if isinstance(error, PlainSecret) else code
            where = (definition.file, definition.line, 1 if definition.line else 0)
            problems.append(Problem(*where, code, str(error), error.hint, name))
        else:
            plans[name] = plan
            built[name] = (definition, plan)
    plans = {name: plans[name] for name in catalog.definitions if name in plans}
    return plans, catalog.refuse(problems) if problems else catalog


class _Builder:
    """Nodes in definition order, and what must stay in bounds while they grow."""

    def __init__(self, definition: Definition, others: Mapping[str, tuple[Definition, Plan]]) -> None:
        self.definition = definition
        self.others = others
        self.nodes: list[Node] = []
        self._edges = 0
        self._keys = Keys()

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
        node = Node(index, self._keys.take(step.key), step.task, needs, self._queue(step), after_empty)
        self.nodes.append(self._with_options(node, step))
        return index

    def _with_options(self, node: Node, step: TaskStep) -> Node:
        """What only the mapping form can say."""
        if step.needs is None:
            return node
        called = step.call
        call = None if step.with_ is None else Call(kwargs=step.with_, template=True)
        if called is not None:
            gathers = not called.immutable and (called.gathers or len(node.needs) > 1)
            call = Call(called.args, called.kwargs, called.immutable, gathers=gathers)
            node = replace(node, **{word: getattr(called, word) for word in SECONDS})
        return replace(
            node,
            call=call,
            when=step.when,
            run_if=step.run_if,
            map=step.map,
            max_parallel=step.max_parallel,
            timeout=step.timeout,
            retry=step.retry,
            priority=step.priority,
            workflow=self._sub_run(step),
            approval=step.approval,
        )

    def _sub_run(self, step: TaskStep) -> SubRun | None:
        if step.workflow is None:
            return None
        if step.workflow not in self.others:
            raise DefinitionError(f"{self.definition.fullname}: {step.key} starts {step.workflow}, which is not there")
        definition, plan = self.others[step.workflow]
        if plain := plain_secrets(definition.schema, step.payload or {}):
            path = ".".join(map(str, min(plain, key=str)))
            raise PlainSecret(
                f"{self.definition.fullname}: {step.key} holds {path}, a secret of {step.workflow}, in plain text",
                hint="Take it from the payload with `${payload.…}`, or write what `umbel secret seal` makes of it.",
            )
        return SubRun(step.workflow, plan.hash, step.payload or {}, definition.defaults, definition.schema)

    def subplans(self) -> tuple[Plan, ...]:
        """The plans of all runs that a run may start, and that those may start, each once."""
        found: dict[str, Plan] = {}
        for node in self.nodes:
            if node.workflow:
                plan = self.others[node.workflow.definition][1]
                found |= {each.hash: each for each in (plan, *plan.subplans)}
        if len(found) > MAX_SUBPLANS:
            raise DefinitionError(
                f"{self.definition.fullname} may start runs of {len(found)} definitions, directly and through others",
                hint=f"At most {MAX_SUBPLANS}: start fewer, or put their tasks into one definition.",
            )
        return tuple(found[key] for key in sorted(found))

    def add_hooks(self) -> None:
        """The hooks stand behind all tasks."""
        for name in HOOKS:
            if step := self.definition.hooks.get(name):
                node = Node(len(self.nodes), self._keys.take(step.key), step.task, queue=self._queue(step), hook=name)
                self.nodes.append(node)

    def _queue(self, step: TaskStep) -> str | None:
        return step.queue or self.definition.custom_queues.get(step.task) or self.definition.default_queue
