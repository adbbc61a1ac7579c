"""A process that ends when its standard input closes: with whoever started it, however that one went."""

import os
import threading


def tie() -> None:
    """Tie this process to its standard input."""
    threading.Thread(target=_until_closed, name="tied", daemon=True).start()


def _until_closed() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
