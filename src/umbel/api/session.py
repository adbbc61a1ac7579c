"""`/api/v1/session`: signing in by name and password, who is signed in, signing out."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from umbel.api.gate import cookie_name
from umbel.api.problems import from_fields
from umbel.api.replies import Context, as_json, json_object, principal
from umbel.errors import Unauthorized
from umbel.service.access import Principal
from umbel.service.models import Session, instant


class SignIn(BaseModel):
    """Name and password of an account."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


def routes(context: Context) -> list[Route]:
    """The three of them. What a session is: `umbel.service.access`."""

    async def sign_in(request: Request) -> Response:
        try:
            asked = SignIn.model_validate(json_object(await context.body(request)))
        except ValidationError as error:
            return from_fields(request, error)
        scope = await context.gate.password(asked.name, asked.password, request)
        if scope is None:
            raise Unauthorized("There is no account with this name and password.", hint="Both are case-sensitive.")
        secret, found = await context.run(context.gate.sessions.begin, asked.name, scope)
        answer = as_json(_view(context, found))
        secure = request.scope["scheme"] == "https"
        age = round(context.umbel.settings.session_hours * 3600)
        answer.set_cookie(
            cookie_name(request), secret, max_age=age, path="/", secure=secure, httponly=True, samesite="lax"
        )
        return answer

    async def who(request: Request) -> Response:
        return as_json(_view(context, principal(request)))

    async def sign_out(request: Request) -> Response:
        found = principal(request)
        secure, name = request.scope["scheme"] == "https", cookie_name(request)
        if found.csrf is not None:
            await context.run(context.gate.sessions.end, request.cookies[name])
        answer = Response(status_code=204)
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
        return answer

    return [
        Route("/session", sign_in, methods=["POST"]),
        Route("/session", who, methods=["GET"]),
        Route("/session", sign_out, methods=["DELETE"]),
    ]


def _view(context: Context, found: Principal) -> Session:
    return Session(
        auth=context.umbel.settings.auth,
        name=found.name,
        scope=found.scope,
        csrf=found.csrf,
        expires_at=instant(found.expires_at),
    )
