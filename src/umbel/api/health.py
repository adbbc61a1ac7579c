"""Is it alive, is it of use: for supervisors and load balancers."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from umbel.api.problems import RETRY_AFTER
from umbel.api.replies import Context
from umbel.errors import UmbelError

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds in which a store has to answer `/readyz`: who asks does not wait for long either."""


def routes(context: Context) -> list[Route]:
    """`/healthz` answers while the process does; `/readyz` asks both stores."""
    umbel = context.umbel

    async def told(check: Callable[[], object]) -> str:
        try:
            await asyncio.wait_for(context.run(check), PATIENCE)
        except TimeoutError:
            return f"no answer within {PATIENCE:g} s"
        except UmbelError as error:
            if umbel.settings.auth != "none":  # anybody may ask, and the store's words tell of the inside
                log.warning("not ready: %s", error)
                return "no answer"
            return f"{error.args[0].rstrip('.')}. {error.hint}".strip()
        return "ok"

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        state, database = await asyncio.gather(told(umbel.engine.ping), told(umbel.store.last_event))
        found = {"state": state, "database": database}
        down = [name for name, told in found.items() if told != "ok"]
        body = {"status": f"down: {', '.join(down)}" if down else "ok", **found}
        return JSONResponse(body, 503 if down else 200, {"Retry-After": RETRY_AFTER} if down else None)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
