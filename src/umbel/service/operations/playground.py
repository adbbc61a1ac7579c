"""The playground: definitions that are run before anybody keeps them."""

from typing import Any

from pydantic import Field

from umbel.service.models import RunDetail
from umbel.service.models.playground import Playground
from umbel.service.operations.base import Operation, Spec, TextKind


class GetPlayground(Operation[Playground]):
    """Whether definitions may be tried here, and the names that an editor of definitions may offer: tasks, queues."""

    spec = Spec("get_playground", "GET", "/playground", Playground, tool=False)


class TryDefinition(Operation[RunDetail]):
    """Start a run of a definition, or of a Celery canvas, that stands only in the text that is sent along. Nothing is
    kept but the run and its plan, under the name `playground.project.NAME`: schedule, webhooks and limits of the
    definition do not count. Only where the server allows it (`UMBEL_PLAYGROUND`)."""

    spec = Spec(
        "try_definition",
        "POST",
        "/playground/runs",
        RunDetail,
        status=201,
        scope="run",
        tool=False,
        read_only=False,
        idempotent=False,
        open_world=True,
    )
    text: str = Field(description="The definitions.", examples=["demo.HELLO: {tasks: [SAY_HELLO]}"])
    kind: TextKind = Field(default="yaml", description="`yaml`: definitions; `canvas`: a Celery canvas as Python.")
    definition: str | None = Field(
        default=None, max_length=200, description="Which of them, `project.NAME`; if not given, the first."
    )
    payload: dict[str, Any] = Field(default={}, description="Input of the run; must fit the definition's JSON Schema.")
    comment: str | None = Field(default=None, max_length=255, description="A note, shown with the run.")
