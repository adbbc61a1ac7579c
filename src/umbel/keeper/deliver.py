"""Tells webhooks of the ends of runs: what the history's outbox holds is sent until it has arrived, or for a day."""

import json
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from umbel.errors import UmbelError
from umbel.keeper.leader import Leader
from umbel.keeper.loop import ThreadLoop
from umbel.store import DeliveryAttempt, DueDelivery, Lease
from umbel.webhooks.send import Answer

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks at what is due."""
AT_ONCE: Final = 8
"""Requests under way at a time."""
PER_URL: Final = 2
"""To one URL, so that a receiver that does not answer keeps no other waiting."""
HOLD: Final = 120.0
"""Seconds after its beginning at which an attempt counts as lost, with its server: more than one can take."""
FIRST: Final = 5.0
FACTOR: Final = 3.0
LONGEST: Final = 4 * 3600.0
"""Seconds of the first pause between attempts, by how much each is longer, and of the longest."""
JITTER: Final = 0.25
"""Each pause is up to this part longer or shorter, so that what failed together does not come back together."""
SERIES: Final = 24 * 3600.0
"""Seconds after the first attempt after which no other follows."""
TOO_MANY: Final = frozenset({429, 503})
"""Answers whose Retry-After counts."""
GONE: Final = 410
"""The answer that means never again (Standard Webhooks)."""


class Outbox(Protocol):
    """What the loop needs of the store."""

    def claim_deliveries(
        self, lease: Lease, now: int, hold: int, series: int, limit: int, per_url: int, besides: Collection[str] = ()
    ) -> list[DueDelivery]:
        """Begins attempts at what is due."""
        ...

    def end_attempt(self, id: str, done: DeliveryAttempt, status: str, at: int, due_at: int | None) -> None:
        """Notes how an attempt went."""


Send = Callable[[str, str, bytes, Mapping[str, str]], Answer]


class Deliver(ThreadLoop):
    """Makes the attempts that are due, while this server is the leader; each in a thread, a few at a time.

    An attempt is noted before it begins: should the server die in it, the next one makes another. So a message arrives
    at least once, perhaps more often, and always with the same id.

    Args:
        store: holds the outbox.
        leader: says whether this server is the one.
        send: makes an attempt; never raises.
        url: where people find this server, for the link to the run.
        now: the present in ms, by a clock that all servers share.
        jitter: a random number from the first to the second.
    """

    def __init__(
        self,
        store: Outbox,
        leader: Leader,
        send: Send,
        url: str,
        now: Callable[[], int],
        *,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        super().__init__("deliver")
        self.sent: Counter[str] = Counter()
        """Attempts since the start, by how they ended: delivered, pending (another follows) or failed (given up)."""
        self._store = store
        self._leader = leader
        self._send = send
        self._url = url.rstrip("/")
        self._now = now
        self._jitter = jitter
        self._guard = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="umbel-deliver")

    @property
    def under_way(self) -> int:
        """Requests at this moment."""
        with self._guard:
            return self._busy.total()

    def turn(self) -> float:
        """Begins what is due, as far as there is room."""
        lease = self._leader.lease
        with self._guard:
            busy = set(+self._busy)
            room = AT_ONCE - self._busy.total()
        if lease is None or room <= 0:
            return LOOK
        hold, series = round(HOLD * 1000), round(SERIES * 1000)
        claimed = self._store.claim_deliveries(lease, self._now(), hold, series, room, PER_URL, busy)
        for due in claimed:
            with self._guard:
                self._busy[due.url] += 1
            try:
                self._pool.submit(self._deliver, due)
            except RuntimeError:  # the server ends; the next one sends it
                with self._guard:
                    self._busy[due.url] -= 1
        return LOOK

    def stop(self, timeout: float = 5.0) -> None:
        """Ends. What is under way ends by itself within seconds, or with the process."""
        super().stop(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, due: DueDelivery) -> None:
        begun = self._now()
        try:
            answer = self._send(due.url, due.id, self._body(due), due.headers)
            now = self._now()
            status, next_at = self._judge(due, answer, now)
            took = round(answer.seconds * 1000)
            done = DeliveryAttempt(due.attempt, begun, answer.status, took, answer.error, answer.text)
            self._store.end_attempt(due.id, done, status, now, next_at)
            self.sent[status] += 1
            if status != "delivered":
                end = "given up" if status == "failed" else "tried again"
                log.warning("webhook of run %s, attempt %d: %s; it is %s", due.run_id, due.attempt, answer.error, end)
        except UmbelError as error:  # that it has arrived could not be noted: it is sent again, with the same id
            log.warning("webhook of run %s: %s", due.run_id, error)
        except Exception:
            self.errors += 1
            log.exception("webhook of run %s", due.run_id)
        finally:
            with self._guard:
                self._busy[due.url] -= 1
            self.wake()

    def _body(self, due: DueDelivery) -> bytes:
        body = json.loads(due.body)
        body["data"]["url"] = f"{self._url}/runs/{due.run_id}"
        return json.dumps(body, separators=(",", ":")).encode()

    def _judge(self, due: DueDelivery, answer: Answer, now: int) -> tuple[str, int | None]:
        """What the delivery is after this answer, and when the next attempt is made."""
        if answer.good:
            return "delivered", None
        pause = self._jitter(1 - JITTER, 1 + JITTER) * pause_after(due.number)
        if answer.status in TOO_MANY and answer.retry_after is not None:
            pause = max(pause, answer.retry_after)
        at = now + round(pause * 1000)
        if answer.status == GONE or at > due.until_at:
            return "failed", None
        return "pending", at


def pause_after(attempts: int) -> float:
    """Seconds between attempt number `attempts` of a series and the next, without jitter."""
    return min(LONGEST, FIRST * FACTOR ** min(attempts - 1, 20))
