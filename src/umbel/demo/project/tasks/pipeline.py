"""The four tasks of demo.PIPELINE: A -> (B | C) -> D, each with another way to retry.

Plain Celery tasks with Celery's own retry options. A task gets the result of what it needs as its first
argument (None for A, the list [B, C] for D), and the payload and the workflow's id as keywords.
"""

import os
from typing import Any

import requests

from umbel import task

TIMEOUT = 5
"""Seconds to wait for the model service's answer."""

ALWAYS = 999
"""More failing calls than any task has attempts."""

TROUBLE: dict[str, dict[str, dict[str, int]]] = {
    "happy": {},
    "flaky": {"TASK_A": {"fail_times": 2}},
    "slow": {"TASK_A": {"delay_seconds": 8}},
    "down": {"TASK_A": {"fail_times": ALWAYS}},
    "partial_fail": {"TASK_B": {"fail_times": ALWAYS}},
}
"""What each scenario asks of the model service, by task."""


def call_model(task_name: str, task_type: str, text: str, payload: dict[str, Any], workflow_id: str) -> Any:
    """Ask the model service for one prediction and return its answer.

    `UMBEL_MODEL_URL` says where it is. Raises requests.RequestException when it fails or takes too long.
    """
    url = os.environ.get("UMBEL_MODEL_URL", "http://127.0.0.1:9000").rstrip("/")
    body = {
        "text": text,
        "task_type": task_type,
        # The service counts calls by this id: one per task of a workflow, the same in every attempt.
        "request_id": f"{workflow_id}-{task_name}",
        **TROUBLE[payload.get("scenario", "happy")].get(task_name, {}),
    }
    with requests.Session() as session:
        # A proxy named in the environment could not reach a service on this machine.
        session.trust_env = False
        response = session.post(f"{url}/v1/predict", json=body, timeout=TIMEOUT)
    response.raise_for_status()
    return response.json()


@task(
    name="TASK_A",
    bind=True,
    autoretry_for=(requests.RequestException,),
    retry_backoff=2,
    retry_jitter=False,
    max_retries=3,
)
def task_a(self: Any, _: None, *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Preprocess the text. Celery retries by itself: after 2, 4 and 8 seconds."""
    answer = call_model("TASK_A", "preprocess", payload.get("raw", ""), payload, workflow_id)
    return {
        "processed": answer["result"]["processed"],
        "length": answer["result"]["length"],
        "model": answer["model"],
        "retries_used": self.request.retries,
    }


@task(name="TASK_B", bind=True, max_retries=3)
def task_b(self: Any, from_a: dict[str, Any], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Embed the text. The task itself asks for a retry: always after 3 seconds."""
    try:
        answer = call_model("TASK_B", "embed", from_a["processed"], payload, workflow_id)
    except requests.RequestException as exc:
        raise self.retry(exc=exc, countdown=3) from exc
    return {
        "b_result": f"embedding by B: dim={answer['result']['dimension']}",
        "embedding": answer["result"]["embedding"],
        "model": answer["model"],
        "retries_used": self.request.retries,
    }


@task(
    name="TASK_C",
    bind=True,
    autoretry_for=(requests.RequestException,),
    retry_backoff=2,
    retry_jitter=True,
    max_retries=3,
)
def task_c(self: Any, from_a: dict[str, Any], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Classify the text. Celery retries by itself: after a random pause of up to 2, 4 and 8 seconds."""
    answer = call_model("TASK_C", "classify", from_a["processed"], payload, workflow_id)
    result = answer["result"]
    return {
        "c_result": f"classified by C: {result['label']} ({result['confidence']})",
        "label": result["label"],
        "confidence": result["confidence"],
        "model": answer["model"],
        "retries_used": self.request.retries,
    }


@task(name="TASK_D")
def task_d(from_b_and_c: list[dict[str, Any]], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Merge what B and C found. Calls nothing and never retries."""
    from_b, from_c = from_b_and_c
    return {
        "final": "merge complete",
        "from_b": from_b["b_result"],
        "from_c": from_c["c_result"],
        "b_retries": from_b["retries_used"],
        "c_retries": from_c["retries_used"],
    }
