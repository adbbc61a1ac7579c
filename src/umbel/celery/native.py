"""Real threads, on every pool, and a way to raise an exception in a running body.

Signs of life must go on while a greenlet burns CPU, so that under gevent they need what its patches took away: threads,
sleep and locks of the operating system. Such a thread needs a Redis client of its own: a gevent socket belongs to the
hub of the thread that opened it.
"""

import ctypes
import importlib
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def _gevent() -> Any:
    """gevent's patching module if it has patched threads, else None."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey if monkey is not None and monkey.is_module_patched("threading") else None


def _original(module: str, name: str) -> Any:
    """A function of the standard library as it was before gevent patched it, if it did."""
    monkey = _gevent()
    return monkey.get_original(module, name) if monkey else getattr(importlib.import_module(module), name)


def start(run: Callable[[], None]) -> None:
    """Call `run` in a new thread, which ends with the process."""
    _original("_thread", "start_new_thread")(run, ())


def sleep(seconds: float) -> None:
    """Let only this thread wait."""
    _original("time", "sleep")(seconds)


def lock() -> Any:
    """A lock for what no greenlet waits on while it is held."""
    return _original("_thread", "allocate_lock")()


class Bell:
    """Lets a real thread sleep until somebody rings, on every pool."""

    def __init__(self) -> None:
        self._lock = lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        # RuntimeError: it has been rung already.
        with suppress(RuntimeError):
            self._lock.release()

    def wait(self, seconds: float) -> None:
        """Sleep, at most this long."""
        self._lock.acquire(timeout=seconds)


def spawner() -> Callable[[Callable[[], None]], None]:
    """A function for real threads that lets the pool's own kind of thread make a call, and does not wait for it.

    Under gevent that is a greenlet of the calling thread's hub, which owns the process's connections.
    """
    if not _gevent():
        return start
    import gevent

    loop = gevent.get_hub().loop
    return lambda call: loop.run_callback_threadsafe(lambda: gevent.spawn(call))


Throw = Callable[[type[BaseException], Callable[[], bool]], None]


def thrower() -> Throw:
    """A function `throw(exception, wanted)` for another thread, which raises in the calling thread or greenlet.

    In a thread it comes with the next bytecode (`PyThreadState_SetAsyncExc`), so not within a C call; in a greenlet
    with its next turn, if `wanted()` still holds then.
    """
    if _gevent():
        import gevent

        greenlet, loop = gevent.getcurrent(), gevent.get_hub().loop

        def throw(exception: type[BaseException], wanted: Callable[[], bool]) -> None:
            loop.run_callback_threadsafe(lambda: greenlet.throw(exception) if wanted() else None)

        return throw
    thread = ctypes.c_ulong(threading.get_ident())

    def interrupt(exception: type[BaseException], wanted: Callable[[], bool]) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(exception))

    return interrupt


def forget_thrown() -> None:
    """Take back an exception that was thrown at this thread and has not come yet."""
    if not _gevent():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
