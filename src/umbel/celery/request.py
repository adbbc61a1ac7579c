"""The main process's view of a task: what happens when its pool process dies or runs out of time.

Celery calls `Request.on_failure` in the main process when a pool process is gone, and `on_timeout` when it killed one
for its hard time limit (celery-facts, "Outcomes"; `celery/worker/request.py`).
"""

import logging
from collections.abc import Iterable
from typing import Any

from billiard.exceptions import Terminated, WorkerLostError
from celery import states
from celery.worker.request import Request

from umbel.celery import codec
from umbel.celery.canvas_out import is_native
from umbel.celery.headers import MARK
from umbel.celery.limits import over_hard_limit
from umbel.celery.outcome import Failed, Retried, describe
from umbel.celery.process import Process
from umbel.celery.record import record
from umbel.celery.retrying import again
from umbel.engine.engine import Token, request_id
from umbel.errors import UmbelError
from umbel.failpoints import failpoint

log = logging.getLogger(__name__)


class Watched(Request):
    """A request whose process's death is told to the engine at once. Its `process` is set by `install`."""

    process: Process

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Celery has killed (hard) or is about to interrupt (soft) the pool process."""
        super().on_timeout(soft, timeout)
        if not soft and MARK in self.request_dict:
            self._tell(lambda token: self._end(token, over_hard_limit(timeout)))

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """The body failed (recorded by its process already), or the pool process is gone."""
        try:
            super().on_failure(exc_info, send_failed_event, return_ok)
        finally:
            if MARK in self.request_dict and not return_ok:
                self._gone(getattr(exc_info.exception, "exc", exc_info.exception))

    def _gone(self, error: BaseException) -> None:
        failpoint("child-gone")
        if isinstance(error, Terminated):
            info = describe(error, None, "revoked")
            info["exception"] = "The task was revoked and terminated by a Celery command."
            self._tell(lambda token: self._fail(token, info))
        elif isinstance(error, WorkerLostError | SystemExit | KeyboardInterrupt):
            if is_native(self.request_dict[MARK]):
                self._tell(lambda token: self._settle(token, error))
            else:
                self._tell(lambda token: self._lose(token, str(error)))

    def _settle(self, token: Token, error: BaseException) -> None:
        """In Celery's own canvas its result backend says what has become of the task: whether what follows was sent, or
        will never be, or the message comes again."""
        meta = self.task.backend.get_task_meta(self.id)
        if meta["status"] == states.SUCCESS:
            result = codec.encode(meta["result"], self.process.settings.max_result_bytes)
            self._publish(token, self.process.engine.succeed(token, result, by=self.process.worker).released)
        elif meta["status"] == states.FAILURE:
            self._fail(token, describe(error, None, "lost"))
        else:
            self._lose(token, str(error))

    def _end(self, token: Token, failed: Failed) -> None:
        tries = self.process.engine.tries(token)
        result: Failed | Retried = failed
        if tries.node.retry is not None:
            result = again(tries.node.retry, failed, tries.retries + 1, tries.age_ms / 1000)
        by = self.process.worker
        _, released = record(self.process.engine, token, tries.plan, result, by=by, request=request_id())
        self.process.dispatcher.publish(released)

    def _fail(self, token: Token, info: dict[str, Any]) -> None:
        self._publish(token, self.process.engine.fail(token, info, by=self.process.worker).released)

    def _lose(self, token: Token, why: str) -> None:
        by = self.process.worker
        self._publish(token, self.process.engine.lose(token, sure=True, counts=True, why=why, by=by).released)

    def _publish(self, token: Token, released: Iterable[int]) -> None:
        self.process.dispatcher.publish([self.process.engine.item(token, index) for index in released])

    def _tell(self, tell: Any) -> None:
        """Do `tell` for what the dead process held, and send again what it may have released without publishing."""
        pid, mark, engine = self.worker_pid, self.request_dict[MARK], self.process.engine
        try:
            for holder, token in engine.held(self.process.worker):
                if holder == pid:
                    tell(token)
            if not is_native(mark):
                # The process may have died before its claim: the message is gone, the task still waits for one.
                own = Token(mark["run"], int(mark["task"]), int(mark["epoch"]), 0)
                self.process.dispatcher.publish([engine.item(own, own.task)])
            for partition in engine.partitions:
                lost = engine.redispatch_of(partition, f"{self.process.worker}/{pid}")
                self.process.dispatcher.publish(lost)
        except UmbelError as failure:
            log.warning("the death of process %s is left to the sweep: %s", pid, failure)
        except Exception:  # nothing of ours may end the worker
            log.exception("the death of process %s is left to the sweep", pid)
