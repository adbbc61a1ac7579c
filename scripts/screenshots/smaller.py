"""Making a screenshot's PNG smaller: a palette of its 256 commonest colours. Pages have few; text has edges in many."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def smaller(png: bytes) -> bytes:
    """The picture with at most 256 colours. Takes what Chromium writes: 8 bits for each of three or four channels, rows
    one after another. Raises ValueError for anything else."""
    chunks = dict(_chunks(png))
    width, height, depth, kind, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if depth != 8 or kind not in (2, 6) or interlace:
        raise ValueError("not such a PNG")
    channels = 3 if kind == 2 else 4
    rows = [
        [row[at : at + 3] for at in range(0, len(row), channels)]
        for row in _rows(zlib.decompress(chunks[b"IDAT"]), width * channels, channels)
    ]
    counts: Counter[bytes] = Counter()
    for row in rows:
        counts.update(row)
    palette = [colour for colour, _ in counts.most_common(256)]
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in counts:
        if colour not in places:
            places[colour] = min(range(len(palette)), key=lambda place: _distance(palette[place], colour))
    data = b"".join(b"\0" + bytes(places[pixel] for pixel in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(map(_chunk, *zip(*parts, strict=True)))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each kind of chunk with its content; what stands in several is joined."""
    found: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name = png[at + 4 : at + 8]
        found[name] = found.get(name, b"") + png[at + 8 : at + 8 + length]
        at += length + 12
    yield from found.items()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _distance(one: bytes, two: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, two, strict=True))


def _rows(data: bytes, length: int, step: int) -> Iterator[bytes]:
    """The rows as they were before they were filtered (PNG specification, chapter 9)."""
    above = bytearray(length)
    for start in range(0, len(data), length + 1):
        how, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        if how == 1:
            for at in range(step, length):
                row[at] = (row[at] + row[at - step]) & 255
        elif how == 2:
            for at in range(length):
                row[at] = (row[at] + above[at]) & 255
        elif how == 3:
            for at in range(length):
                left = row[at - step] if at >= step else 0
                row[at] = (row[at] + (left + above[at]) // 2) & 255
        elif how == 4:
            for at in range(length):
                left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
                row[at] = (row[at] + _paeth(left, above[at], corner)) & 255
        yield bytes(row)
        above = row


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    near = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[near.index(min(near))]
