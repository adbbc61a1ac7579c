"""Pictures of a plan: rows of text for the terminal, Mermaid for Markdown, SVG for the browser.

Owns: how a plan, and the states of a run of it, are drawn.
May import: plan.model, definition, errors.
Promises: every task and every connection is in every picture, or the picture says how many are not; what authors wrote
    is escaped; a picture needs nothing from elsewhere.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Literal

from umbel.errors import BadRequest
from umbel.plan.model import Plan
from umbel.plan.picture.layout import levels
from umbel.plan.picture.mermaid import mermaid
from umbel.plan.picture.rows import ascii
from umbel.plan.picture.svg import svg

Format = Literal["ascii", "mermaid", "svg", "canvas"]
FORMATS: Final[tuple[Format, ...]] = ("ascii", "mermaid", "svg", "canvas")
MEDIA_TYPES: Final[dict[Format, str]] = {
    "ascii": "text/plain; charset=utf-8",
    "mermaid": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "canvas": "text/x-python; charset=utf-8",
}

__all__ = ["FORMATS", "MEDIA_TYPES", "Format", "ascii", "draw", "levels", "mermaid", "svg"]


def draw(plan: Plan, wanted: Format, states: Mapping[int, str] | None = None) -> str:
    """The plan in one of `FORMATS`; `canvas` is the Celery code that it equals.

    Args:
        states: of a run's tasks by index, to be shown with them.

    Raises:
        BadRequest: it is too large to be drawn, or cannot be written as a canvas; the message says why.
    """
    match wanted:
        case "ascii":
            return ascii(plan, states)
        case "mermaid":
            return mermaid(plan, states)
        case "svg":
            return svg(plan, states)
    try:
        native = import_module("umbel.plan.native")
    except ImportError as error:
        raise BadRequest(
            "Pictures in the form of a Celery canvas come with a later release.",
            hint="There are ascii, mermaid and svg.",
        ) from error
    text: str = native.source(plan)
    return text
