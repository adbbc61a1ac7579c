"""The web pages: the files that `make ui` has built from `ui/`, or one page that says how to build them.

The browser finds the pages' own paths (`/runs/ID`, ...) in `index.html`, which is answered for each of them.
"""

import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from umbel.api.problems import problem
from umbel.errors import BadRequest

STATIC: Final = Path(__file__).with_name("static")
PAGES: Final = ("runs", "definitions", "schedules", "workers", "queues", "settings", "agents", "playground", "learn")
"""First parts of the paths of the pages; `ui/src/app.tsx` has the same."""

_KINDS: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
HEADERS: Final = {
    # No script and no style but the files below /assets; nothing from elsewhere; in nobody's frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FRESH: Final = {**HEADERS, "Cache-Control": "no-cache"}
_FOREVER: Final = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}

_ABSENT: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Umbel</title>
<meta name="viewport" content="width=device-width"></head><body>
<h1>Umbel</h1>
<p>The server runs. Its web pages have not been built on this machine.</p>
<p>In a clone of the repository: <code>make ui</code>, then load this page again. An installed package
brings them along.</p>
<p>Meanwhile: <a href="/docs">the HTTP API</a>, <a href="/api/v1/runs">runs</a>, or <code>umbel list</code>.</p>
</body></html>"""


def routes(static: Path = STATIC) -> list[Route]:
    """The pages and their files. `static` is looked into at each request: no restart is needed after `make ui`."""

    async def page(_: Request) -> Response:
        index = static / "index.html"
        return FileResponse(index, headers=_FRESH) if index.is_file() else HTMLResponse(_ABSENT, headers=_FRESH)

    async def asset(request: Request) -> Response:
        # Names carry a hash of the content, so a file never changes.
        name = request.path_params["name"]
        path = static / "assets" / name
        if not _NAME.fullmatch(name) or path.suffix not in _KINDS or not path.is_file():
            hint = "Load the page again: there may be a newer version of it."
            return problem(request, 404, "There is no such file.", BadRequest.code, hint)
        headers = {**_FOREVER, "Vary": "Accept-Encoding"}
        small = path.with_name(f"{name}.gz")
        if "gzip" in request.headers.get("accept-encoding", "") and small.is_file():
            return FileResponse(small, headers={**headers, "Content-Encoding": "gzip"}, media_type=_KINDS[path.suffix])
        return FileResponse(path, headers=headers, media_type=_KINDS[path.suffix])

    return [
        Route("/", page),
        Route("/assets/{name}", asset),
        *(Route(f"/{each}{rest}", page) for each in PAGES for rest in ("", "/{rest:path}")),
    ]
