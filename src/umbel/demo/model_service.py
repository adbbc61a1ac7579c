"""A stand-in for a model server: predicts by simple rules, and fails or dawdles exactly as the caller asks.

Run it with `python -m umbel.demo.model_service --port 9000`. It keeps nothing but call counts, in memory.
"""

import argparse
import asyncio
import contextlib
import socket
import sys
import time
from collections import Counter
from threading import Lock
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field
from uvicorn.protocols.http import h11_impl

from umbel.demo import docs_page
from umbel.demo.calls import Calls

TaskType = Literal["preprocess", "embed", "classify", "merge"]


class PredictRequest(BaseModel):
    """One call of the model, and how it should go wrong."""

    text: str = Field(description="The text to work on")
    task_type: TaskType = Field("preprocess", description="What to do with the text")
    request_id: str = Field("anonymous", description="Calls are counted by this id; use one per task")
    fail_times: int = Field(0, ge=0, description="Answer 500 to the first so many calls of this request_id")
    delay_seconds: float = Field(0, ge=0, le=3600, description="Seconds to wait before answering")


class Trouble(BaseModel):
    """What the failure lab asks for: for a while, calls are slow or fail, whatever they ask for themselves."""

    delay_seconds: float = Field(0, ge=0, le=60, description="Seconds that each call waits in addition")
    fail_times: int = Field(0, ge=0, description="Answer 500 to the next so many calls")
    for_seconds: float = Field(30, gt=0, le=600, description="Seconds after which it is over")


class PredictResponse(BaseModel):
    """A prediction; what `result` holds depends on the task type."""

    model: str
    result: dict[str, Any]
    request_id: str
    call_count: int = Field(description="How often this request_id has called, this call included")


class Failure(BaseModel):
    """Why there is no prediction."""

    error: str
    detail: str
    request_id: str | None


class Status(BaseModel):
    """The answer of an endpoint that has nothing else to say."""

    status: str


def predict(text: str, task_type: TaskType) -> tuple[str, dict[str, Any]]:
    """Return the model's name and its result: the same for the same text, on every machine."""
    match task_type:
        case "preprocess":
            return "text-preprocessor-v1", {
                "processed": text.upper(),
                "tokens": text.split(),
                "length": len(text),
            }
        case "embed":
            embedding = [round(len(text) / 10 + i / 100, 2) for i in range(8)]
            return "embedding-v1", {"embedding": embedding, "dimension": len(embedding)}
        case "classify":
            return "classifier-v1", {
                "label": "positive",
                "confidence": 0.92,
                "categories": ["positive", "neutral", "negative"],
            }
        case "merge":
            return "merger-v1", {"summary": f"{len(text.split())} words merged", "status": "complete"}


def create_app() -> FastAPI:
    """Build the service. Each app counts calls for itself, from zero."""
    # FastAPI's own /docs page loads its scripts from a CDN; ours stays on this machine.
    app = FastAPI(
        title="Umbel demo model service",
        version="1",
        description="Predicts by simple rules, and fails or dawdles as the caller asks.",
        docs_url=None,
        redoc_url=None,
    )
    calls: Counter[str] = Counter()
    lock = Lock()
    seen = Calls()
    trouble, trouble_ends = Trouble(delay_seconds=0, fail_times=0, for_seconds=1), 0.0

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, exc: RequestValidationError) -> JSONResponse:
        detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
        error = "Invalid request: send a JSON object with Content-Type: application/json"
        failure = Failure(error=error, detail=detail, request_id=None)
        return JSONResponse(failure.model_dump(), status_code=422)

    failures: dict[int | str, dict[str, Any]] = {422: {"model": Failure}, 500: {"model": Failure}}

    @app.post("/v1/predict", response_model=PredictResponse, responses=failures)
    async def predict_(body: PredictRequest) -> Any:
        """Predict, after `delay_seconds`; the first `fail_times` calls of a request_id answer 500."""
        with lock:
            calls[body.request_id] += 1
            count = calls[body.request_id]
            troubled = time.monotonic() < trouble_ends
            failing = troubled and trouble.fail_times > 0
            trouble.fail_times -= failing
        since = seen.asked(body.request_id, body.model_dump(), count)
        await asyncio.sleep(body.delay_seconds + troubled * trouble.delay_seconds)
        if failing or count <= body.fail_times:
            asked = f"call {count} of the first {body.fail_times}, which were asked to fail"
            detail = "the failure lab asked it to" if failing else asked
            failure = Failure(error="The model failed", detail=detail, request_id=body.request_id)
            seen.answered(body.request_id, 500, failure.model_dump(), since)
            return JSONResponse(failure.model_dump(), status_code=500)
        model, result = predict(body.text, body.task_type)
        answer = PredictResponse(model=model, result=result, request_id=body.request_id, call_count=count)
        seen.answered(body.request_id, 200, answer.model_dump(), since)
        return answer

    @app.get("/v1/stats")
    async def stats() -> dict[str, int]:
        """How often each request_id has called."""
        with lock:
            return dict(calls)

    @app.post("/v1/trouble")
    async def trouble_(body: Trouble) -> Status:
        """Make the next calls slow, or let them fail, for a while."""
        nonlocal trouble, trouble_ends
        with lock:
            trouble, trouble_ends = body, time.monotonic() + body.for_seconds
        return Status(status="troubled")

    @app.post("/v1/reset")
    async def reset() -> Status:
        """Forget all call counts."""
        with lock:
            calls.clear()
        return Status(status="reset")

    @app.get("/health")
    async def health() -> Status:
        """Answers when the service is up."""
        return Status(status="ok")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(
            docs_page.render(app.openapi()),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    return app


class _Announcing(uvicorn.Server):
    """Says where it listens once it does; a supervisor waits for that line."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        host, port = sockets[0].getsockname()[:2]
        print(f"model service: http://{host}:{port}", flush=True)


def main() -> None:
    """Serve until SIGINT or SIGTERM. Exits with 1 and one sentence if the port cannot be had."""
    parser = argparse.ArgumentParser("python -m umbel.demo.model_service", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 picks a free port")
    args = parser.parse_args()
    try:
        listener = socket.create_server((args.host, args.port), backlog=2048)
    except (OSError, OverflowError) as exc:
        sys.exit(f"model service: cannot listen on {args.host}:{args.port}: {exc}")
    # The recorded service spells the reason in capitals, and requests puts it into the text of its HTTPError.
    h11_impl.STATUS_PHRASES[500] = b"INTERNAL SERVER ERROR"
    config = uvicorn.Config(
        create_app(),
        http="h11",
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,  # a sleeping call must not hold up the end
    )
    with listener, contextlib.suppress(KeyboardInterrupt):
        _Announcing(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
