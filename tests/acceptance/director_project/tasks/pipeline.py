"""Four tasks that call a model service, each with another way to cope with its failures."""

import time

import requests
from celery.exceptions import SoftTimeLimitExceeded
from celery.utils.log import get_task_logger
from director import config, task

logger = get_task_logger(__name__)


def call_model(task_type, text, workflow_id, fail_times=0):
    response = requests.post(
        f"{config.get('MODEL_URL')}/v1/predict",
        json={
            "text": text,
            "task_type": task_type,
            "request_id": f"{workflow_id}-{task_type}",
            "fail_times": fail_times,
        },
        timeout=5,
    )
    response.raise_for_status()
    return response.json()["result"]


@task(
    name="TASK_A",
    bind=True,
    autoretry_for=(requests.exceptions.RequestException,),
    retry_backoff=1,
    retry_jitter=False,
    retry_kwargs={"max_retries": 3},
)
def task_a(self, *args, **kwargs):
    logger.info("attempt %s of %s", self.request.retries + 1, kwargs["workflow_id"])
    result = call_model("preprocess", kwargs["payload"]["raw"], kwargs["workflow_id"], fail_times=1)
    return {"processed": result["processed"], "args": list(args), "retries_used": self.request.retries}


@task(name="TASK_B", bind=True, max_retries=3)
def task_b(self, *args, **kwargs):
    try:
        result = call_model("embed", args[0]["processed"], kwargs["workflow_id"], fail_times=1)
    except requests.exceptions.RequestException as exc:
        raise self.retry(exc=exc, countdown=1) from exc
    return {"dimension": result["dimension"], "retries_used": self.request.retries}


@task(name="TASK_C", bind=True, soft_time_limit=1, time_limit=10)
def task_c(self, *args, **kwargs):
    try:
        while True:
            time.sleep(0.1)
    except SoftTimeLimitExceeded:
        return {"label": "unknown", "retries_used": self.request.retries}


@task(name="TASK_D")
def task_d(*args, **kwargs):
    from_b, from_c = args[0]
    return {"final": "merge complete", "from_b": from_b, "from_c": from_c, "payload": kwargs["payload"]}


@task(name="SETTINGS")
def settings(*args, **kwargs):
    return {"args": list(args), "attr": config.GREETING, "item": config["GREETING"], "none": config.get("NOT_THERE")}
