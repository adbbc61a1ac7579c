"""The secrets that one attempt has opened: what may not leave it as it is.

What the engine needs again (results, items of a map, payloads of sub-runs, arguments of a retry) is sealed where it
holds a secret; what people read (errors, tracebacks, output) is masked. So the data that flows on stays what it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billiard.einfo import ExceptionInfo
from celery import states

from umbel.celery import codec, hushed
from umbel.celery.outcome import Awaited, Expanded, Failed, Outcome, Retried, Spawned, Succeeded
from umbel.secrets import MARK, Mask, Vault, is_sealed


class Hidden(Exception):
    """Stands for an exception whose text holds a secret, where Celery tells of it."""


class Opened:
    """Opens sealed values for one attempt and keeps them from getting out.

    Args:
        keys: `UMBEL_SECRET_KEY`.
    """

    def __init__(self, keys: str = "") -> None:
        self.vault = Vault(keys)
        self.mask = Mask()

    def decode(self, text: str) -> Any:
        """The value of a JSON text, everything in it opened. Raises SecretKeyMissing, SecretUnreadable."""
        value = codec.decode(text)
        return self.open(value) if MARK in text else value

    def open(self, value: Any) -> Any:
        """A JSON value, everything in it opened. Raises as `decode`."""
        return self.vault.open_all(value, self.note)

    def note(self, value: Any) -> None:
        """This value is a secret."""
        hushed.begin(self.mask)
        self.mask.add(value)

    def close(self) -> None:
        """The attempt is over, its outcome recorded."""
        hushed.end(self.mask)

    def sealed(self, value: Any) -> Any:
        """A JSON value with every text, number or mapping in it sealed that holds a secret."""
        if self.mask.hits(value):
            return self.vault.seal(value)
        if is_sealed(value):
            return value
        if isinstance(value, Mapping):
            if any(self.mask.hits(name) for name in value):
                return self.vault.seal(value)
            return {name: self.sealed(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.sealed(each) for each in value]
        return value

    def cover(self, result: Outcome, limit: int) -> Outcome:
        """An outcome as it may be recorded.

        Args:
            limit: largest result, in bytes of JSON.

        Raises:
            ResultTooLarge: sealed, it is larger than that.
        """
        if not self.mask:
            return result
        match result:
            case Succeeded(text):
                return Succeeded(self._cover_text(text, limit))
            case Failed(info):
                return replace(result, info=self.mask.value(info))
            case Retried(_, info, args):
                return replace(result, info=self.mask.value(info), args=self._cover_text(args, 2**62) if args else "")
            case Expanded(items):
                return replace(result, items=[self._cover_text(each, limit) for each in items])
            case Spawned(payload=payload):
                return replace(result, payload=self._cover_text(payload, 2**62))
            case Awaited(info):
                return replace(result, info=self.mask.value(info))
        return result

    def cover_answer(self, answer: Any) -> Any:
        """What Celery's tracer answered, as the pool's main process and Celery's events may have it."""
        if not self.mask:
            return answer
        _, info, runtime, shown = answer
        if info is None:
            return None, None, runtime, self.mask.text(str(shown))
        if info.state == states.RETRY:
            return None, None, runtime, "None"  # acknowledged like a success; the retry is the engine's
        try:
            raise Hidden(self.mask.text(f"{type(info.retval).__name__}: {info.retval}"))
        except Hidden:
            hidden = ExceptionInfo()
        return hidden, info, runtime, self.mask.text(str(shown))

    def _cover_text(self, text: str, limit: int) -> str:
        """JSON text with what holds a secret sealed; the same text if nothing does."""
        value = codec.decode(text)
        sealed = self.sealed(value)
        return codec.encode(sealed, limit, 2**31) if sealed != value else text
