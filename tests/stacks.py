"""What tests ask of a whole stack."""

from tests.waiting import wait_until
from umbel.client import Client
from umbel.errors import UmbelError
from umbel.stack.run import Stack


def await_worker(stack: Stack, client: Client, seconds: float = 60) -> None:
    """Wait until the server knows the worker that now runs: the one before may have been killed."""

    def up() -> bool:
        try:
            return any(each.alive and each.pid == stack.pids.get("worker") for each in client.list_workers().items)
        except UmbelError:
            return False

    wait_until(up, seconds, "worker")
