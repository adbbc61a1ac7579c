"""Webhooks: requests that tell another server of a run's end, signed, and never sent to where they do not belong.

Who receives them checks them with `verify`, which needs nothing but the standard library:

    from umbel.webhooks import verify

    payload = verify(secret, request.headers, request.body)

Owns: targets, signatures, which addresses may be spoken to, and the one place that sends requests to foreign servers.
May import: errors.
Promises: a connection goes only to an address that was checked, whatever names resolve to a moment later; no redirect
is followed, no proxy used; an attempt ends in time and reads little, whatever the other side does.
"""

from umbel.webhooks.addresses import Allowed, Refused
from umbel.webhooks.signature import BadSignature, Secrets, verify
from umbel.webhooks.target import Target

__all__ = ["Allowed", "BadSignature", "Refused", "Secrets", "Target", "verify"]
