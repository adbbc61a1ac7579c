"""What webhooks were told, and telling them again."""

from umbel.errors import DeliveryNotFound
from umbel.service.models import Delivery, DeliveryAttemptView, DeliveryList, instant
from umbel.service.operations import ListDeliveries
from umbel.service.reading import require
from umbel.service.umbel import Umbel
from umbel.store import DeliveryAttempt, DeliveryRow


def list_deliveries(umbel: Umbel, asked: ListDeliveries) -> DeliveryList:
    """A page of all deliveries. Raises BadRequest (the cursor), HistoryUnavailable."""
    found, cursor = umbel.store.deliveries(asked.status, cursor=asked.cursor, limit=asked.limit)
    return DeliveryList(items=[_view(each) for each in found], next_cursor=cursor)


def of_run(umbel: Umbel, run_id: str) -> DeliveryList:
    """The deliveries of a run. Raises RunNotFound, HistoryUnavailable."""
    run = require(umbel, run_id)
    return DeliveryList(items=[_view(each) for each in umbel.store.deliveries_of(run.id)])


def redeliver(umbel: Umbel, run_id: str, delivery: str) -> Delivery:
    """Begin a new series of attempts.

    Raises:
        RunNotFound, DeliveryNotFound: there is no such run, or it has no such delivery.
        HistoryUnavailable: the database does not answer.
    """
    run = require(umbel, run_id)
    row = umbel.store.redeliver(run.id, delivery.lower(), umbel.keeper.now())
    if row is None:
        raise DeliveryNotFound(f"The run {run.id} has no delivery {delivery[:80]}.")
    umbel.keeper.deliver.wake()
    return _view(row)


def _view(row: DeliveryRow) -> Delivery:
    return Delivery.model_validate(
        {
            "id": row.id,
            "run_id": row.run_id,
            "epoch": row.epoch,
            "event": row.event,
            "url": row.url,
            "status": row.status,
            "created_at": instant(row.created_at),
            "next_at": None if row.due_at is None else instant(max(row.due_at, row.created_at)),
            "finished_at": instant(row.finished_at),
            "attempts": [_attempt(each) for each in row.log],
        }
    )


def _attempt(done: DeliveryAttempt) -> DeliveryAttemptView:
    return DeliveryAttemptView(
        attempt=done.attempt,
        at=instant(done.at),
        status=done.status,
        seconds=None if done.took is None else done.took / 1000,
        error=done.error,
        answer=done.answer,
    )
