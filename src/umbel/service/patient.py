"""Asking what may be slow, or not answer at all, without waiting longer than one wants to."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Generic, TypeVar

T = TypeVar("T")

__all__ = ["NotInTime", "Patient"]


class Patient(Generic[T]):
    """One thing, asked by one thread of its own. While it still owes an answer, it is not asked again.

    Args:
        name: of the thread.
        read: asks, in that thread.
    """

    def __init__(self, name: str, read: Callable[[], T]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"umbel-{name}")
        self._asked: Future[T] | None = None

    def ask(self) -> None:
        """Begin, if it does not still owe an answer."""
        if self._asked is None or self._asked.done():
            self._asked = self._thread.submit(self._read)

    def answer(self, seconds: float) -> T:
        """What it says to `ask`. Raises NotInTime after `seconds`, and what it raises."""
        assert self._asked is not None
        return self._asked.result(seconds)

    def close(self) -> None:
        """End the thread, unless it waits for ever."""
        self._thread.shutdown(wait=False, cancel_futures=True)
