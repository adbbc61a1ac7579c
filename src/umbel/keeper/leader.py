"""Which of several servers looks after what only one may do: schedules and retention."""

import logging
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from umbel.errors import UmbelError
from umbel.failpoints import failpoint
from umbel.keeper.loop import ThreadLoop
from umbel.store import Lease

log = logging.getLogger(__name__)

NAME: Final = "leader"
TTL: Final = 6.0
"""Seconds after its last sign of life until another server takes over from one that died."""
RENEW: Final = 2.0


class Lending(Protocol):
    """What the loop needs of the store."""

    def take_lease(self, name: str, owner: str, now: int, ttl: int) -> Lease | None:
        """Takes or renews the lease for `ttl` ms; None while somebody else has it."""
        ...

    def give_back(self, lease: Lease) -> None:
        """Lets the next one take the lease at once."""


class Leader(ThreadLoop):
    """Holds the leader's lease, or waits for it.

    `lease` says what was so at the last look. Who has lost it without knowing does no harm: what the leader writes is
    refused when the lease has another epoch by then.

    Args:
        store: lends the lease.
        now: the present in ms, by a clock that all servers share.
        who: the server's name, for those who look at the table.
    """

    def __init__(self, store: Lending, now: Callable[[], int], who: str = "server") -> None:
        super().__init__("leader")
        self.lease: Lease | None = None
        self._store = store
        self._now = now
        # Not the pid: in a container it is the same after every restart, and the same in every container.
        self._owner = f"{who} {uuid.uuid4().hex[:8]}"

    def turn(self) -> float:
        """Takes the lease, or renews it."""
        failpoint("before-lease")
        held, self.lease = self.lease, None
        self.lease = self._store.take_lease(NAME, self._owner, self._now(), round(TTL * 1000))
        failpoint("lease-taken")
        if (self.lease is None) != (held is None):
            log.info("this server %s the leader", "is now" if self.lease else "is no longer")
        return RENEW

    def stop(self, timeout: float = 5.0) -> None:
        """Ends, and leaves the lease to the next one."""
        super().stop(timeout)
        lease, self.lease = self.lease, None
        if lease is not None:
            try:
                self._store.give_back(lease)
            except UmbelError as error:
                log.info("%s: another server takes over in %.0f s", error, TTL)
