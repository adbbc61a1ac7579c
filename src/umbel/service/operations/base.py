"""What an operation is, and the fields that several have."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from umbel.machine import RunState
from umbel.service.models import Resource

PREFIX: Final = "/api/v1"
MAX_WAIT: Final = 50.0
"""Longest wait of one request, in seconds: below the minute after which proxies and agent clients give up."""

LARGEST: Final = 2**53 - 1
"""Largest number in a request: databases hold it, and JSON's readers keep it (RFC 8259, 6)."""

RunId = Annotated[str, Field(description="Id of the run.", examples=["0b0f5c2e-6f0e-4f0e-8a51-3a1c5c1f0a11"])]
TaskKey = Annotated[str, Field(description="Key of the task within its run.", examples=["TASK_B"])]
CanvasName = Annotated[
    str,
    Field(max_length=200, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", examples=["demo.PIPELINE"]),
]
TextKind = Literal["yaml", "canvas"]

Format = Annotated[
    Literal["ascii", "mermaid", "svg", "canvas"],
    Field(description="`canvas` is the Celery code that a definition equals, if there is such code."),
]
Answer = TypeVar("Answer", bound=Resource)
Scope = Literal["read", "run", "admin"]
_REACH: Final[tuple[Scope, ...]] = ("read", "run", "admin")


def reaches(scope: Scope, needed: Scope) -> bool:
    """Whether who has `scope` may do what needs `needed`: each scope includes those before it."""
    return _REACH.index(scope) >= _REACH.index(needed)


@dataclass(frozen=True, slots=True)
class Spec:
    """How an operation is reached and what may be said of it in advance.

    `path` is below `/api/v1`; fields named in it come from there. Of the others, `query` names those in the query,
    `headers` those in a header; the rest is the JSON body. The last four are MCP's hints.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    answer: type[Resource]
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of success, with the same body."""
    query: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    """Fields of the body that are sent as they are: pydantic writes nothing that is nested very deep."""
    scope: Scope = "read"
    """What who asks must be allowed to do; each scope includes those before it: read, run, admin."""
    tool: bool = True
    """Whether agents are offered it as a tool."""
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    @property
    def in_path(self) -> tuple[str, ...]:
        """Fields that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


class Operation(BaseModel, Generic[Answer]):
    """One thing that can be asked of Umbel: an instance is one request. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    spec: ClassVar[Spec]

    @classmethod
    def description(cls) -> str:
        """What it is for: the docstring on one line."""
        return re.sub(r"\s+", " ", cls.__doc__ or "").strip()

    @classmethod
    def in_body(cls) -> tuple[str, ...]:
        """Fields that stand in the JSON body."""
        elsewhere = {*cls.spec.in_path, *cls.spec.query, *cls.spec.headers}
        return tuple(name for name in cls.model_fields if name not in elsewhere)

    def request(self) -> tuple[str, str, dict[str, str], dict[str, str], dict[str, Any] | None]:
        """Method, path with prefix, query, headers and JSON body (or None) of the HTTP request for it."""
        from urllib.parse import quote

        spec = self.spec
        given = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude=set(spec.raw))
        given |= {name: value for name in spec.raw if (value := getattr(self, name)) is not None}
        place = {name: quote(str(getattr(self, name)), safe="") for name in spec.in_path}
        query = {name: _plain(given[name]) for name in spec.query if name in given}
        headers = {header: str(given[name]) for name, header in spec.headers.items() if name in given}
        body = {name: given[name] for name in self.in_body() if name in given} if self.in_body() else None
        return spec.method, PREFIX + spec.path.format(**place), query, headers, body


class Chosen(Operation[Answer]):
    """Asks about those runs that all the filters let through."""

    status: list[RunState] | None = Field(default=None, description="Only runs in one of these states.")
    definition: str | None = Field(default=None, description="Only runs of this definition.")
    since: str | None = Field(
        default=None, description="Started at or after this time (RFC 3339, or seconds since 1970)."
    )
    until: str | None = Field(default=None, description="Started before this time.")
    q: str | None = Field(default=None, max_length=200, description="Text in the id, name, comment or payload.")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
