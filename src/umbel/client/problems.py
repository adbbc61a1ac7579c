"""From an answer that is an error to the exception that the server meant."""

import json
from typing import Any, Final

import umbel.errors
from umbel.errors import PayloadInvalid, ServerUnavailable, TooManyRequests, UmbelError

_BY_CODE: Final[dict[str, type[UmbelError]]] = {
    each.code: each for each in vars(umbel.errors).values() if isinstance(each, type) and issubclass(each, UmbelError)
}
_GATEWAY: Final = frozenset({502, 503, 504})
"""What a proxy answers when the server behind it is gone."""


def error_of(status: int, body: bytes, url: str) -> UmbelError:
    """The exception for an answer with this status: the server's own by its code, with its hint.

    Args:
        status: the HTTP status.
        body: the answer's body, problem details (RFC 9457) if it comes from an Umbel server.
        url: what was asked, for the sentence about an answer that is nothing of ours.
    """
    problem = _json_object(body)
    kind = _BY_CODE.get(str(problem.get("code")))
    if "detail" not in problem or (kind is None and "code" not in problem):
        return _not_ours(status, body, url)
    error = UmbelError.__new__(kind or UmbelError)
    UmbelError.__init__(error, str(problem["detail"]), hint=str(problem.get("hint") or ""))
    if isinstance(error, TooManyRequests):
        error.retry_after = 1
    if isinstance(error, PayloadInvalid):
        error.errors = [_field(each) for each in problem.get("errors") or []]
    return error


def _not_ours(status: int, body: bytes, url: str) -> UmbelError:
    if status in _GATEWAY:
        return ServerUnavailable(f"The server did not answer: HTTP {status} for {url}.")
    said = body[:200].decode(errors="replace").strip()
    return UmbelError(
        f"HTTP {status} for {url}, which is no answer of an Umbel server{': ' + said if said else ''}",
        hint="Is UMBEL_URL the address of an Umbel server?",
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _field(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    pointer, detail = problem.get("pointer"), problem.get("detail", "")
    return f"{pointer}: {detail}" if pointer else str(detail)
