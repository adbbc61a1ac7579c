"""Connections that bring a request too slowly, or headers without end: uvicorn itself waits for ever, and keeps all."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_PATIENCE: Final = 10.0
"""Seconds in which a request's line and headers have to arrive, from the connection or their first byte on."""
MAX_HEAD: Final = 65_536
"""Bytes of them that are taken in while the rest is missing."""


class Wire(HttpToolsProtocol):
    """uvicorn's protocol, which closes such connections. How long the body may take is the business of who reads it
    (`Context.body`)."""

    def connection_made(self, transport: Any) -> None:
        """The clock starts: a connection without a request is closed too."""
        super().connection_made(transport)
        self._head: int | None = None
        self._late: asyncio.TimerHandle | None = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Begins, goes on with, or completes the headers of a request; or is part of its body."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._wait_no_more()
        elif self._late is None:
            self._wait()
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.close()

    def on_message_begin(self) -> None:
        """The parser has seen the first byte of a request."""
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        """It has seen the last header."""
        self._head = None
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = asyncio.get_running_loop().call_later(HEAD_PATIENCE, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
