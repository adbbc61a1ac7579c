"""The commands of the embedded Valkey, as its MONITOR tells them, recorded for the X-ray of the runs they belong to."""

from umbel.stack.monitor.recorder import watching

__all__ = ["watching"]
