"""Python's collector of circular garbage, kept out of bounded work."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for circular garbage meanwhile.

    Reading a file makes many values that all live on: looking through them again and again takes as long as making
    them. For work of bounded size only.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
