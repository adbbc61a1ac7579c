"""One route for each path, whatever its methods: so that a method which is not there is told all that are."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


def by_path(routes: Iterable[Route]) -> list[Route]:
    """The same routes, those of one path made one. Starlette asks a path's first route only which methods it has."""
    table: dict[str, dict[str, Endpoint]] = {}
    for route in routes:
        for method in route.methods or ():
            table.setdefault(route.path, {})[method] = route.endpoint
    return [Route(path, _of(methods), methods=list(methods)) for path, methods in table.items()]


def _of(methods: dict[str, Endpoint]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await methods[request.method](request)

    return endpoint
