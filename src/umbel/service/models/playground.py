"""What the playground may do."""

from pydantic import Field

from umbel.service.models.base import Resource


class Playground(Resource):
    """What the editor of definitions may do and offer on this server."""

    enabled: bool = Field(description="Whether the server starts runs of definitions that it does not keep.")
    tasks: list[str] = Field(default=[], description="Names of tasks that the project or a live worker knows.")
    queues: list[str] = Field(default=[], description="Queues that live workers listen on.")
