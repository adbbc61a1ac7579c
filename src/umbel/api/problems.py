"""Errors of `/api/v1` as problem details (RFC 9457): one table from exception to status."""

import logging
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from umbel import errors
from umbel.errors import UmbelError
from umbel.service.models import FieldProblem, Problem
from umbel.service.operations import Operation

log = logging.getLogger(__name__)

STATUS: Final[dict[type[UmbelError], int]] = {
    errors.DefinitionNotFound: 404,
    errors.RunNotFound: 404,
    errors.TaskNotFound: 404,
    errors.ScheduleNotFound: 404,
    errors.DeliveryNotFound: 404,
    errors.VersionNotFound: 404,
    errors.LessonNotFound: 404,
    errors.DefinitionError: 409,
    errors.RunLost: 409,
    errors.LimitReached: 409,
    errors.WrongState: 409,
    errors.LabMissed: 409,
    errors.SecretKeyMissing: 409,
    errors.SecretUnreadable: 409,
    errors.PayloadInvalid: 422,
    errors.PayloadTooLarge: 413,
    errors.BadRequest: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.ForeignRequest: 403,
    errors.UserNotFound: 404,
    errors.TokenNotFound: 404,
    errors.RequestTooSlow: 408,
    errors.TooManyRequests: 429,
    errors.IdempotencyConflict: 422,
    errors.StateUnavailable: 503,
    errors.HistoryUnavailable: 503,
    errors.BrokerUnavailable: 503,
}
"""Exception -> HTTP status; any other UmbelError is a 500."""

REQUEST_ID: Final = "umbel.request"
"""Where in a request's scope its id stands, which an error of ours names, and the server's log."""

RETRY_AFTER: Final = "2"
"""Seconds after which a client should try again when a store does not answer."""


def status_of(error: UmbelError) -> int:
    """The HTTP status for an error."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def from_umbel(request: Request, error: UmbelError) -> Response:
    """What an UmbelError says, with its code and hint."""
    details = [FieldProblem(pointer="/payload", detail=each) for each in getattr(error, "errors", ())]
    return problem(request, status_of(error), str(error), type(error).code, error.hint, details, headers_of(error))


def headers_of(error: UmbelError) -> dict[str, str]:
    """When to try again, for errors that pass."""
    if isinstance(error, errors.TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": RETRY_AFTER} if status_of(error) == 503 else {}


def from_fields(request: Request, error: ValidationError) -> Response:
    """What is wrong with each field of a body that belongs to no operation."""
    details = [
        FieldProblem(pointer="".join(f"/{part}" for part in each["loc"]), detail=each["msg"])
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    detail = f"The request cannot be used: {details[0].pointer}: {details[0].detail}"
    return problem(request, 422, detail, errors.BadRequest.code, "The fields are described at /docs.", details)


def from_validation(request: Request, operation: type[Operation[object]], error: ValidationError) -> Response:  # type: ignore[type-var]
    """What is wrong with each field of a request."""
    details = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        path = [str(part) for part in each["loc"]]
        name = path[0] if path else ""
        spec = operation.spec
        if name in spec.in_path or name in spec.query:
            pointer = f"{'path' if name in spec.in_path else 'query'} {name}"
        elif name in spec.headers:
            pointer = f"header {spec.headers[name]}"
        else:
            pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
        details.append(FieldProblem(pointer=pointer, detail=each["msg"]))
    first = details[0]
    what = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
    hint = f"The fields are described at /docs#{operation.spec.name}."
    return problem(request, 422, f"The request cannot be used: {what}", errors.BadRequest.code, hint, details)


def problem(
    request: Request,
    status: int,
    detail: str,
    code: str,
    hint: str = "",
    details: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem detail as an answer."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.scope["path"],
        code=code,
        hint=hint or None,
        errors=details or [],
        request_id=request.scope.get(REQUEST_ID) if status >= 500 else None,
    )
    headers = dict(headers or {})
    if status == 503:
        headers["Retry-After"] = RETRY_AFTER
    return Response(body.model_dump_json(exclude_none=True), status, headers, "application/problem+json")


async def on_http_error(request: Request, error: Exception) -> Response:
    """A path or a method that is not there."""
    assert isinstance(error, HTTPException)
    hint = "All paths are listed at /docs." if error.status_code == 404 else ""
    detail = (
        f"There is no {request.scope['path'][:200]} here."
        if error.status_code == 404
        else (f"{request.method} is not for this path." if error.status_code == 405 else error.detail)
    )
    headers = dict(error.headers or {})
    return problem(request, error.status_code, detail, errors.BadRequest.code, hint, headers=headers)


async def on_umbel_error(request: Request, error: Exception) -> Response:
    """Whatever a use case refused."""
    assert isinstance(error, UmbelError)
    return from_umbel(request, error)


class Bugs:
    """Middleware: any other exception is our fault, and still an answer.

    Starlette's own handler for it raises the exception again after its answer, and uvicorn then resets the connection,
    so that clients may never read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            request = Request(scope)
            log.error("%s %s failed", request.method, scope["path"], exc_info=error)
            hint = "Look at the server's log, and please report it."
            detail = "The server failed while it worked on this request."
            await problem(request, 500, detail, UmbelError.code, hint)(scope, receive, send)
