"""How a run becomes Celery's own canvas, and where its results are kept; without a broker."""

import json
from typing import Any

from celery import Celery

from umbel.celery.app import make_app
from umbel.celery.canvas_out import build, is_native
from umbel.celery.results import Results, provide_results, result_backend
from umbel.plan.model import Call, Node, Plan, task_id
from umbel.settings import load_settings

RUN = "7f0d9a6e-0000-4000-8000-000000000001"
DIAMOND = Plan(
    "a.B",
    (
        Node(0, "a", "A"),
        Node(1, "b", "B", (0,), queue="gpu"),
        Node(2, "c", "C", (0,)),
        Node(3, "d", "D", (1, 2)),
        Node(4, "e", "E", (3,)),
    ),
)


def wire(plan: Plan) -> Any:
    app = Celery("test", set_as_current=False)
    return json.loads(json.dumps(build(app, RUN, plan, {"raw": 1})))


def leaves(signature: Any) -> list[Any]:
    if isinstance(signature, list):
        return [leaf for each in signature for leaf in leaves(each)]
    kwargs = signature["kwargs"]
    if signature["subtask_type"] == "chord":
        return leaves(kwargs["header"]) + leaves(kwargs["body"])
    return leaves(kwargs["tasks"]) if signature["subtask_type"] in ("chain", "group") else [signature]


def test_every_member_carries_the_mark_its_id_and_directors_arguments() -> None:
    found = leaves(wire(DIAMOND))
    assert [each["task"] for each in found] == ["A", "B", "C", "D", "E"]
    for index, each in enumerate(found):
        mark = each["options"]["headers"]["umbel"]
        assert mark == {"run": RUN, "task": index, "epoch": 1, "native": True}
        assert is_native(mark)
        assert each["options"]["task_id"] == task_id(RUN, index)
        assert each["kwargs"] == {"payload": {"raw": 1}, "workflow_id": RUN}
        assert each["args"] == ([None] if index == 0 else [])
        assert each["options"]["ignore_result"] is False
    assert found[1]["options"]["queue"] == "gpu"


def test_a_run_sent_twice_has_the_same_ids() -> None:
    assert wire(DIAMOND) == wire(DIAMOND)


def test_a_task_with_arguments_of_its_own_keeps_them() -> None:
    call = Call((2,), {"by": 3}, immutable=True)
    (only,) = leaves(wire(Plan("a.B", (Node(0, "a", "A", call=call),))))
    assert (only["args"], only["kwargs"], only["immutable"]) == ([2], {"by": 3}, True)


def test_messages_of_relay_are_not_taken_for_a_canvas() -> None:
    assert not is_native({"run": RUN, "task": 0, "epoch": 1})
    assert not is_native("nonsense")


def test_results_are_kept_in_the_state_store_unless_a_setting_names_another_place() -> None:
    settings = load_settings(state_url="redis://127.0.0.1:1/5")
    backend = make_app(settings).backend
    assert isinstance(backend, Results)
    assert (backend.connparams["port"], backend.connparams["db"]) == (1, 5)
    assert backend.expires == 24 * 3600
    assert result_backend(load_settings(result_url="rpc://")) == "rpc://"
    assert result_backend(load_settings(state_url="unix:///run/redis.sock?db=1")).endswith(
        "Results+socket:///run/redis.sock?virtual_host=1"
    )


def test_an_attached_app_keeps_its_result_backend_or_gets_ours() -> None:
    settings = load_settings(state_url="redis://127.0.0.1:1/5")
    own = Celery("own", backend="cache+memory://", set_as_current=False)
    provide_results(own, settings)
    assert not isinstance(own.backend, Results)
    without = Celery("without", set_as_current=False)
    assert without.backend.__class__.__name__ == "DisabledBackend"
    provide_results(without, settings)
    assert isinstance(without.backend, Results)
