"""What an author wrote, checked and frozen: one value for each definition, whatever it was written in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from umbel.definition.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a definition file. `line` and `column` count from 1; 0 means the whole file.

    An "error" keeps its definition from being used; a "warning" does not. `code` is a key of `problems.CODES`.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    definition: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        warning = "warning: " if self.severity == "warning" else ""
        return f"{where}: {warning}{self.message}" + (f" ({self.hint})" if self.hint else "")


STEP_TASK: Final = "umbel.step"
"""The Celery task that stands for a step without one of its own: a sub-workflow, an approval."""

MAX_EDGES: Final = 100_000
"""Pairs of a task and one that it waits for, of one definition."""

RUN_IF: Final = ("all_ok", "all_done", "any_failed", "one_ok")
"""When a task runs, by how its needs ended: all of them well (or skipped); all, however; at least one badly (else the
task is skipped); at least one well. All but the first wait until every need has ended."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What the engine does when the body has failed for good (Celery's own retries come first, and count).

    `max_attempts` counts every attempt, the first included. The pause before attempt n + 1 is `initial` seconds
    (constant), `initial * n` (linear) or `initial * factor ** (n - 1)` (exponential), at most `max_delay`; with full
    jitter a random part of it. `max_elapsed` seconds after the first attempt began, no other begins. `on` and `not_on`
    are names of exception classes, as written in the traceback or with their module; their subclasses count too.
    """

    max_attempts: int
    backoff: Literal["constant", "linear", "exponential"] = "exponential"
    initial: float = 1.0
    factor: float = 2.0
    max_delay: float = 600.0
    jitter: Literal["none", "full"] = "none"
    max_elapsed: float | None = None
    on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignatureCall:
    """How a Celery signature calls its task: with the results of what it needs in front of `args`, unless `immutable`.

    It takes a list where it needs several tasks, or one and `gathers` (as a chord's body does). Times are seconds, as
    Celery's options of the same names.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    immutable: bool = False
    gathers: bool = False
    countdown: float | None = None
    expires: float | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None


@dataclass(frozen=True, slots=True)
class TaskStep:
    """One task of a definition. `key` names it inside the definition; `task` is the Celery task's name.

    A step with `workflow` starts a run of another definition, and one with `approval` waits for a person; their `task`
    is then `umbel.step`, which every worker of ours has.
    """

    key: str
    task: str
    line: int = 0
    column: int = 0
    needs: tuple[str, ...] | None = None
    """Keys it waits for (mapping form), or None: its place in the list says so (list form)."""
    queue: str | None = None
    with_: Mapping[str, Any] | None = None
    """Exactly these keyword arguments; texts may hold `${CEL}`. None: Director's calling convention."""
    when: str | None = None
    """CEL; false: the task is skipped."""
    run_if: str = "all_ok"
    """One of `RUN_IF`."""
    map: Any = None
    """A text `${CEL}` that gives a list, or a list: the task runs once for each `item`."""
    max_parallel: int | None = None
    timeout: float | None = None
    """Seconds that one attempt may take (of an approval: until somebody decides)."""
    retry: RetryPolicy | None = None
    priority: int | None = None
    workflow: str | None = None
    """`project.NAME` of the definition to run."""
    payload: Mapping[str, Any] | None = None
    """Payload of that run; texts may hold `${CEL}`."""
    approval: bool = False
    call: SignatureCall | None = None
    """Called as a Celery signature."""


@dataclass(frozen=True, slots=True)
class Block:
    """A chain (one after another) or a group (side by side) of steps, nested to any depth."""

    kind: Literal["chain", "group"]
    name: str
    steps: tuple["Step", ...]
    line: int = 0
    column: int = 0

    def tasks(self) -> Iterator[TaskStep]:
        """Every task in it, in definition order."""
        stack: list[Step] = [self]
        while stack:
            step = stack.pop()
            if isinstance(step, TaskStep):
                yield step
            else:
                stack.extend(reversed(step.steps))


Step = TaskStep | Block

HOOKS: Final = ("success", "failure")
"""When a hook is called, in the order in which they stand in a plan."""


WEBHOOK_EVENTS: Final = ("success", "failure", "cancel")
"""Ends of a run that a webhook may be told of."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the end of a run is told to another server: a URL, the ends that it wants to hear of, further headers."""

    url: str
    events: tuple[str, ...] = WEBHOOK_EVENTS
    headers: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Retention:
    """Which finished runs of a definition stay: the newest `runs`, or those that ended at most `seconds` ago.

    With neither, all stay for ever.
    """

    runs: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most `limit` runs of a definition (with the same `key`, CEL over the payload, if there is one) at a time.

    `on_limit` says what becomes of one more: it waits (`queue`), is refused and leaves no trace (`skip`), ends the
    oldest (`cancel_oldest`), or is recorded as canceled (`cancel_newest`).
    """

    limit: int
    key: str | None = None
    on_limit: Literal["queue", "skip", "cancel_oldest", "cancel_newest"] = "queue"


@dataclass(frozen=True, slots=True)
class Definition:
    """One named workflow. `body` is a chain in the list form; in the mapping form a group whose steps carry `needs`."""

    project: str
    name: str
    body: Block
    source: Mapping[str, Any]
    """The YAML mapping as it was written: `/api/definitions` echoes it."""
    file: str = ""
    line: int = 0
    schema: Mapping[str, Any] | None = None
    description: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    default_queue: str | None = None
    custom_queues: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, TaskStep] = field(default_factory=dict)
    """`success` and `failure` -> what is called when the run has succeeded, or failed."""
    webhook: Webhook | None = None
    schedule: Schedule | None = None
    retention: Retention | None = None
    """None: as the settings say."""
    concurrency: Concurrency | None = None
    deadline: float | None = None
    """Seconds after its launch at which a run that has not ended is stopped, as an error."""
    engine: Literal["relay", "canvas"] = "relay"
    canvas: Mapping[str, Any] | None = None
    """Its Celery signature as JSON, if it was written as a canvas; `body` is empty then."""

    @property
    def fullname(self) -> str:
        """`project.NAME`, by which it is called."""
        return f"{self.project}.{self.name}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """All definitions of a project and all that was wrong with its files. One bad definition leaves the others alone.

    `refused` holds the source of each definition that has a name but cannot be used, by its name: celery-director's
    `/api/definitions` lists such too, and who starts one can be told why (`problems_of`) and not "not found".
    `drafts` are the same definitions as far as they could be read, so that all that is wrong with them can be told.
    """

    definitions: Mapping[str, Definition]
    problems: tuple[Problem, ...] = ()
    refused: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    drafts: Mapping[str, Definition] = field(default_factory=dict)

    def problems_of(self, fullname: str) -> tuple[Problem, ...]:
        """What is wrong with one definition."""
        return tuple(problem for problem in self.problems if problem.definition == fullname)

    def refuse(self, problems: Sequence[Problem]) -> "Catalog":
        """The catalog with these problems added; a definition that an error names is refused."""
        bad = {problem.definition for problem in problems if problem.severity == "error"}
        return Catalog(
            {name: each for name, each in self.definitions.items() if name not in bad},
            (*self.problems, *problems),
            {**self.refused, **{name: each.source for name, each in self.definitions.items() if name in bad}},
            {**self.drafts, **{name: each for name, each in self.definitions.items() if name in bad}},
        )
