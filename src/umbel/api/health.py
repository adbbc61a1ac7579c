"""Is it alive, is it of use: for supervisors and load balancers."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from umbel.api.problems import RETRY_AFTER
from umbel.api.replies import Context
from umbel.errors import UmbelError


def routes(context: Context) -> list[Route]:
    """`/healthz` answers while the process does; `/readyz` asks both stores."""
    umbel = context.umbel

    def look() -> dict[str, str]:
        return {"state": _told(umbel.engine.ping), "database": _told(umbel.store.last_event)}

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        found = await context.run(look)
        down = [name for name, told in found.items() if told != "ok"]
        body = {"status": f"down: {', '.join(down)}" if down else "ok", **found}
        return JSONResponse(body, 503 if down else 200, {"Retry-After": RETRY_AFTER} if down else None)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _told(check: Callable[[], object]) -> str:
    try:
        check()
    except UmbelError as error:
        return f"{error} {error.hint}".strip()
    return "ok"
