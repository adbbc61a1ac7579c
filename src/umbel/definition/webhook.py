"""`webhook: URL`, or `webhook: {url: URL, events: [failure], headers: {NAME: VALUE}}`."""

import re
from ipaddress import ip_address
from typing import Final

from yaml.nodes import MappingNode, Node, SequenceNode

from umbel.definition.document import describe, mapping, text_of
from umbel.definition.model import WEBHOOK_EVENTS, Webhook
from umbel.definition.problems import Report, shorten
from umbel.webhooks.addresses import is_public
from umbel.webhooks.target import BadTarget, Target

KEYS: Final = ("url", "events", "headers")
MAX_HEADERS: Final = 20
HEADER_NAME: Final = r"[A-Za-z0-9-]{1,100}"
HEADER_VALUE: Final = r"[ -~]{1,1000}"
OURS: Final = frozenset(
    {
        *("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer"),
        *("expect", "accept-encoding", "content-encoding", "proxy-authorization", "proxy-connection", "keep-alive"),
    }
)
"""Headers that say how a request is sent, which is not the author's business."""

_EXAMPLE: Final = "Write `webhook: https://example.com/path`, or {url: …, events: [failure]}."
_LOCAL_NAMES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test")


def read_webhook(node: Node, report: Report) -> Webhook | None:
    """The webhook; None if it cannot be used, which is reported."""
    if not isinstance(node, MappingNode):
        return _webhook(node, WEBHOOK_EVENTS, {}, report)
    fields = mapping(node, report)
    for word in fields.keys() - set(KEYS):
        message = f"{shorten(word)} of a webhook has no effect"
        report.add("unknown-key", fields[word][0].start_mark, message, report.nearest(word, KEYS), severity="warning")
    events = _events(fields["events"][1], report) if "events" in fields else WEBHOOK_EVENTS
    headers = _headers(fields["headers"][1], report) if "headers" in fields else {}
    if "url" not in fields:
        report.add("bad-webhook", node.start_mark, "a webhook has no `url`", _EXAMPLE)
        return None
    return _webhook(fields["url"][1], events, headers, report)


def _webhook(node: Node, events: tuple[str, ...], headers: dict[str, str], report: Report) -> Webhook | None:
    url = text_of(node)
    if not url:
        report.add("bad-webhook", node.start_mark, f"a webhook is a URL, found {describe(node)}", _EXAMPLE)
        return None
    try:
        target = Target.parse(url)
    except BadTarget as error:
        report.add("bad-webhook", node.start_mark, f"{shorten(url)} is no URL for a webhook: {error}", _EXAMPLE)
        return None
    if target.scheme == "http" and not _is_local(target.host):
        message = f"the webhook goes to {target.host} without encryption"
        report.add("insecure-webhook", node.start_mark, message, "Use https://.", severity="warning")
    mark = node.start_mark
    return Webhook(url, events, headers, mark.line + report.line_offset + 1, mark.column + 1)


def _is_local(host: str) -> bool:
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return "." not in host or host.lower().endswith(_LOCAL_NAMES)


def _events(node: Node, report: Report) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, SequenceNode) else [node]
    found: list[str] = []
    for each in nodes:
        word = text_of(each)
        if word in WEBHOOK_EVENTS:
            found.append(str(word))
            continue
        hint = report.nearest(word or "", WEBHOOK_EVENTS) or f"There are {', '.join(WEBHOOK_EVENTS)}."
        report.add("bad-webhook", each.start_mark, f"{describe(each)} is no end of a run", hint)
    if not nodes:
        report.add("bad-webhook", node.start_mark, "`events` is empty", "Leave it out to be told of every end.")
    return tuple(each for each in WEBHOOK_EVENTS if each in found)


def _headers(node: Node, report: Report) -> dict[str, str]:
    if not isinstance(node, MappingNode):
        report.add("bad-webhook", node.start_mark, f"`headers` is a mapping of name to text, found {describe(node)}")
        return {}
    found: dict[str, str] = {}
    for name, (key, value) in mapping(node, report).items():
        text = text_of(value)
        if not re.fullmatch(HEADER_NAME, name):
            report.add("bad-webhook", key.start_mark, f"{shorten(name)} is no name of a header")
        elif name.lower() in OURS or name.lower().startswith("webhook-"):
            report.add("bad-webhook", key.start_mark, f"the header {name} is set by Umbel", "Remove it.")
        elif text is None or not re.fullmatch(HEADER_VALUE, text) or text != text.strip():
            message = f"the header {name} is text of up to 1000 printable ASCII characters, found {describe(value)}"
            report.add("bad-webhook", value.start_mark, message, "Put a number in quotes.")
        elif name.lower() in {each.lower() for each in found}:
            report.add("bad-webhook", key.start_mark, f"the header {name} is there twice", "Remove one of them.")
        else:
            found[name] = text
    if len(found) > MAX_HEADERS:
        report.add("bad-webhook", node.start_mark, f"more than {MAX_HEADERS} headers")
    return found
