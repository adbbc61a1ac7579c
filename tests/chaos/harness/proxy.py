"""A proxy before the state store that loses answers: the request is done, the connection breaks, nobody hears of it.

Run as a process of its own: PORT TARGET_PORT FILE. FILE holds how many percent of the answers are lost.
"""

import asyncio
import contextlib
import random
import sys
from pathlib import Path


class Lossy:
    """One listener. `percent` is read anew each 100 ms."""

    def __init__(self, target: int, control: Path) -> None:
        self.percent = 0
        self._target = target
        self._control = control

    async def watch(self) -> None:
        """Keep `percent` up to date."""
        while True:
            with contextlib.suppress(OSError, ValueError):
                self.percent = int(self._control.read_text())
            await asyncio.sleep(0.1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        asked = asyncio.create_task(self._pass(reader, back, lossy=False))
        told = asyncio.create_task(self._pass(there, writer, lossy=True))
        await asyncio.wait((asked, told), return_when=asyncio.FIRST_COMPLETED)
        for task in (asked, told):
            task.cancel()
        for each in (writer, back):
            each.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, lossy: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if lossy and random.random() * 100 < self.percent:
                    return
                sink.write(data)
                await sink.drain()


async def main(port: int, target: int, control: Path) -> None:
    """Serve until killed."""
    lossy = Lossy(target, control)
    watching = asyncio.create_task(lossy.watch())
    server = await asyncio.start_server(lossy.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()
    watching.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
