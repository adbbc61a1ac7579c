"""Secrets: sealed wherever they are kept, opened by the attempt that needs them, masked in all that is told.

Owns: the form of a sealed value, the keys that seal and open, and how texts and addresses lose what is secret.
May import: errors (and cryptography).
Promises: without a key nothing is sealed and nothing opened, and the error says how to make one; what this package
    prints or raises holds no secret.
"""

from umbel.secrets.mask import Mask, Sieve
from umbel.secrets.urls import redact_url
from umbel.secrets.vault import MARK, SHOWN, Vault, hide, holds_sealed, is_sealed, new_key

__all__ = ["MARK", "SHOWN", "Mask", "Sieve", "Vault", "hide", "holds_sealed", "is_sealed", "new_key", "redact_url"]
