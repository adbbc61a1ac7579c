"""The HTTP door: celery-director's surface below `/api`, Umbel's own below `/api/v1`.

Owns: routes, status codes, headers, JSON on the wire, server-sent events, OpenAPI, the web pages' files, the
server process.
May import: service, keeper, store, engine, machine, errors, settings (and Starlette, uvicorn).
Promises: `/api` answers what celery-director 0.10 answers, byte for byte; every error of `/api/v1` is a problem detail
with a code and a hint; nothing here blocks the event loop.
"""
