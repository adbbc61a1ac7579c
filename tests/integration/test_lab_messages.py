"""What the failure lab does to a queue of Celery's Redis transport."""

import json
import threading
from typing import Any

import pytest
import redis

from tests.valkey import valkey as valkey
from tests.valkey import valkey_url as valkey_url
from tests.waiting import wait_until
from umbel.errors import BrokerUnavailable
from umbel.stack import messages


def message(run: str) -> str:
    return json.dumps({"headers": {"umbel": {"run": run, "task": 0}}, "body": "e30="})


def of(run: str) -> Any:
    return lambda headers: headers.get("umbel", {}).get("run") == run


@pytest.fixture
def pid(valkey: redis.Redis) -> int:
    return int(valkey.info("server")["process_id"])


@pytest.mark.parametrize("copies", [0, 2])
def test_a_waiting_message_is_lost_or_doubled_and_no_other(
    valkey: redis.Redis, valkey_url: str, pid: int, copies: int
) -> None:
    urgent = "celery\x06\x163"
    valkey.lpush("celery", message("a"), "no message", message("b"))
    valkey.lpush(urgent, message("b"))
    found = messages.catch(valkey_url, pid, ["celery"], of("b"), copies=copies, within=1)
    assert found == {"umbel": {"run": "b", "task": 0}}
    rest = [each.decode() for each in valkey.lrange("celery", 0, -1)]
    assert rest == [*[message("b")] * copies, "no message", message("a")]
    assert valkey.llen(urgent) == 1


def test_the_next_one_is_caught_before_workers_and_others_go_back(
    valkey: redis.Redis, valkey_url: str, pid: int
) -> None:
    found: list[Any] = []
    catch = threading.Thread(
        target=lambda: found.append(messages.catch(valkey_url, pid, ["celery"], of("b"), copies=0, within=20))
    )
    catch.start()
    wait_until(lambda: valkey.info("clients")["blocked_clients"] == 1, what="the wait")
    valkey.lpush("celery", message("a"))
    wait_until(lambda: valkey.llen("celery") == 1, what="the message that is not meant")
    assert valkey.brpop(["celery"], 5)  # as a worker does
    wait_until(lambda: valkey.info("clients")["blocked_clients"] == 1, what="the wait")
    valkey.lpush("celery", message("b"))
    catch.join(10)
    assert found == [{"umbel": {"run": "b", "task": 0}}]
    assert valkey.llen("celery") == 0


def test_without_a_message_it_says_so(valkey: redis.Redis, valkey_url: str, pid: int) -> None:
    assert messages.catch(valkey_url, pid, ["celery"], of("b"), copies=0, within=0.05) is None


def test_another_process_at_the_address_is_left_alone(valkey: redis.Redis, valkey_url: str, pid: int) -> None:
    valkey.lpush("celery", message("b"))
    with pytest.raises(BrokerUnavailable):
        messages.catch(valkey_url, pid + 1, ["celery"], of("b"), copies=0, within=1)
    with pytest.raises(BrokerUnavailable):
        messages.pause(valkey_url, pid + 1, 5)
    assert valkey.llen("celery") == 1
