"""Messages as they were recorded, made readable: the envelope taken apart, the body decoded, each field explained."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from umbel.secrets import hide
from umbel.service.models.trace import TraceMessage
from umbel.service.xray.fields import explained

EMPTY: Final = [[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
"""A body that carries nothing: what Umbel's relay sends (`umbel.celery.dispatch.BODY`)."""


def whole(record: Mapping[str, Any]) -> TraceMessage:
    """The message of a `published` record. One that was too long to keep has headers and properties, but no body."""
    envelope: dict[str, Any] = {}
    if "h" not in record:
        try:
            envelope = _loads(record["raw"])
        except ValueError:
            envelope = {}
    headers = envelope.get("headers") or record.get("h") or {}
    properties = envelope.get("properties") or record.get("p") or {}
    packed = envelope.get("body", "")
    body = _decoded(packed, properties.get("body_encoding"))
    body = hide(body)
    return TraceMessage(
        id=str(headers.get("id") or record.get("id") or ""),
        name=str(headers.get("task") or ""),
        queue=str(record["q"]),
        bytes=record["n"],
        body_bytes=len(packed) if packed else int(record.get("b", 0)),
        headers=headers,
        properties=properties,
        body=body,
        raw=record["raw"],
        fields=explained({**envelope, "headers": headers, "properties": properties}, body),
    )


def brief(message: TraceMessage | None, record: Mapping[str, Any], published: int | None) -> TraceMessage:
    """The message of a later record: what is known of it there, and where it stands whole."""
    return TraceMessage(
        id=str(record.get("id") or ""),
        name=message.name if message else "",
        queue=str(record.get("q") or (message.queue if message else "")),
        bytes=message.bytes if message else 0,
        body_bytes=message.body_bytes if message else 0,
        headers={},
        properties={"delivery_tag": record.get("tag")},
        body=None,
        raw="",
        published=published,
    )


def _loads(text: str | bytes) -> Any:
    """JSON as Celery writes it, which has NaN, and halves of surrogate pairs; those have no UTF-8, so they go."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace"))


def _decoded(packed: Any, encoding: Any) -> Any:
    try:
        return _loads(base64.b64decode(packed) if encoding == "base64" else packed)
    except (ValueError, TypeError, binascii.Error):
        return None


def carried(body: Any) -> list[str]:
    """What a message carries of what follows it, in words."""
    if not (isinstance(body, list) and len(body) == 3 and isinstance(body[2], dict)):
        return []
    embed, found = body[2], []
    if chain := embed.get("chain"):
        found.append(f"the rest of the chain ({', '.join(_name(each) for each in reversed(chain))})")
    if chord := embed.get("chord"):
        found.append(f"the chord's body ({_name(chord)})")
    for name, what in (("callbacks", "callbacks"), ("errbacks", "errbacks")):
        if embed.get(name):
            found.append(f"{what} ({', '.join(_name(each) for each in embed[name])})")
    return found


def _name(signature: Any) -> str:
    """A signature's task; of a group or a chord, what is in it."""
    if not isinstance(signature, dict):
        return "?"
    name, given = str(signature.get("task", "?")), signature.get("kwargs") or {}
    if name == "celery.group":
        return f"group of {', '.join(_name(each) for each in given.get('tasks') or ())}"
    if name == "celery.chord":
        header = given.get("header")
        members = (header.get("kwargs") or {}).get("tasks") if isinstance(header, dict) else header
        return f"chord of {', '.join(_name(each) for each in members or ())}, then {_name(given.get('body'))}"
    if name == "celery.chain":
        return " then ".join(_name(each) for each in given.get("tasks") or ())
    return name
