"""The model service, spoken to in process."""

import asyncio
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from umbel.demo.model_service import create_app, predict


def with_client(use: Any) -> Any:
    """Run `use(client)` against a fresh service."""

    async def run() -> Any:
        transport = httpx.ASGITransport(create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            return await use(client)

    return asyncio.run(run())


def test_each_task_type_has_its_result() -> None:
    async def use(client: httpx.AsyncClient) -> list[Any]:
        bodies = [
            {"text": "hello big world", "task_type": task_type, "request_id": task_type}
            for task_type in ("preprocess", "embed", "classify", "merge")
        ]
        return [(await client.post("/v1/predict", json=body)).json() for body in bodies]

    assert with_client(use) == [
        {
            "model": "text-preprocessor-v1",
            "result": {"processed": "HELLO BIG WORLD", "tokens": ["hello", "big", "world"], "length": 15},
            "request_id": "preprocess",
            "call_count": 1,
        },
        {
            "model": "embedding-v1",
            "result": {"embedding": [1.5, 1.51, 1.52, 1.53, 1.54, 1.55, 1.56, 1.57], "dimension": 8},
            "request_id": "embed",
            "call_count": 1,
        },
        {
            "model": "classifier-v1",
            "result": {
                "label": "positive",
                "confidence": 0.92,
                "categories": ["positive", "neutral", "negative"],
            },
            "request_id": "classify",
            "call_count": 1,
        },
        {
            "model": "merger-v1",
            "result": {"summary": "3 words merged", "status": "complete"},
            "request_id": "merge",
            "call_count": 1,
        },
    ]


def test_a_prediction_depends_on_the_text_alone() -> None:
    assert predict("one", "embed") == predict("one", "embed")
    assert predict("one", "embed") != predict("three", "embed")


def test_the_first_calls_of_a_request_id_fail_as_asked() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        body = {"text": "x", "request_id": "r1", "fail_times": 2}
        answers = [await client.post("/v1/predict", json=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [500, 500, 200]
        assert answers[0].json().keys() == {"error", "detail", "request_id"}
        assert answers[0].json()["request_id"] == "r1"
        assert answers[2].json()["call_count"] == 3

    with_client(use)


def test_trouble_fails_the_next_calls_of_anybody_and_ends() -> None:
    async def use(client: httpx.AsyncClient) -> list[int]:
        statuses = []
        for trouble in ({"fail_times": 2}, {"fail_times": 9, "for_seconds": 1e-9}):
            assert (await client.post("/v1/trouble", json=trouble)).status_code == 200
            for request_id in "abc":
                statuses.append(
                    (await client.post("/v1/predict", json={"text": "x", "request_id": request_id})).status_code
                )
        return statuses

    assert with_client(use) == [500, 500, 200, 200, 200, 200]


def test_calls_are_counted_by_request_id_until_reset() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        for request_id in ("r1", "r2", "r1"):
            await client.post("/v1/predict", json={"text": "x", "request_id": request_id})
        assert (await client.get("/v1/stats")).json() == {"r1": 2, "r2": 1}
        assert (await client.post("/v1/reset")).json() == {"status": "reset"}
        assert (await client.get("/v1/stats")).json() == {}

    with_client(use)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{bad", "body"),
        ("[]", "body"),
        ("{}", "body.text"),
        ('{"text": 1}', "body.text"),
        ('{"text": "x", "task_type": "dream"}', "body.task_type"),
        ('{"text": "x", "fail_times": -1}', "body.fail_times"),
        ('{"text": "x", "fail_times": "many"}', "body.fail_times"),
        ('{"text": "x", "delay_seconds": NaN}', "body.delay_seconds"),
        ('{"text": "x", "delay_seconds": 1e9}', "body.delay_seconds"),
    ],
)
def test_bad_input_is_refused_with_the_field_named(content: str, named: str) -> None:
    async def use(client: httpx.AsyncClient) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/v1/predict", content=content, headers=headers)
        assert answer.status_code == 422
        assert answer.json().keys() == {"error", "detail", "request_id"}
        assert answer.json()["detail"].startswith(named)
        assert (await client.get("/v1/stats")).json() == {}

    with_client(use)


def test_health() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    with_client(use)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_docs_show_every_endpoint_and_load_nothing_from_elsewhere() -> None:
    async def use(client: httpx.AsyncClient) -> None:
        answer = await client.get("/docs")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        for path in (await client.get("/openapi.json")).json()["paths"]:
            assert path in answer.text
        page = _Page()
        page.feed(answer.text)
        assert not page.tags & {"script", "link", "img", "iframe"}
        assert page.links
        assert all(link.startswith(("#", "/")) and not link.startswith("//") for link in page.links)

    with_client(use)
