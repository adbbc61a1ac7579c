"""The pages for people: a reference made from the OpenAPI description, without any script or foreign file."""

import base64
import hashlib
import json
from functools import cache
from html import escape
from typing import Any, Final

from umbel.api.openapi import document

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
  background: #fff; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: #f4f4f4; padding: .8rem; overflow: auto; }
section { border-top: 1px solid #ccc; margin-top: 1.5rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
@media (prefers-color-scheme: dark) {
  body { color: #e8e8e8; background: #161616; } pre { background: #242424; } a { color: #8ab4f8; } }
"""

_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
}
"""Of the page: nothing but its own style."""


@cache
def docs() -> str:
    """The reference of the HTTP API."""
    described = document()
    rows: list[str] = []
    parts: list[str] = []
    for tag in described["tags"]:
        rows.append(f"<h2>{escape(tag['name'])}: {escape(tag['description'])}</h2><ul>")
        for path, methods in described["paths"].items():
            for method, about in methods.items():
                if tag["name"] in about["tags"]:
                    name = f"<code>{method.upper()} {escape(path)}</code>"
                    rows.append(f"<li><a href='#{about['operationId']}'>{name}</a> {escape(about['summary'])}</li>")
                    parts.append(_section(name, about, described["components"]["schemas"]))
        rows.append("</ul>")
    models = [
        f"<section id='model-{name}'><h3>{name}</h3><pre>{escape(json.dumps(schema, indent=2))}</pre></section>"
        for name, schema in sorted(described["components"]["schemas"].items())
    ]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Umbel: HTTP API</title>"
        "<meta name='viewport' content='width=device-width'>"
        f"<style>{_STYLE}</style></head><body><h1>Umbel {escape(described['info']['version'])}: HTTP API</h1>"
        f"<p>{escape(described['info']['description'])} As a file: <a href='/openapi.json'>openapi.json</a>.</p>"
        f"{''.join(rows)}{''.join(parts)}<h2>Models</h2>{''.join(models)}</body></html>"
    )


def _section(name: str, about: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts = [f"<section id='{about['operationId']}'><h3>{name}</h3><p>{escape(about.get('description', ''))}</p>"]
    fields = [
        (each["name"], each["in"], each.get("required", False), each.get("description", ""))
        for each in about.get("parameters", ())
    ]
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = schemas.get(body.get("$ref", "").rpartition("/")[2], body)
    fields += [
        (field, "body", field in body.get("required", ()), schema.get("description", ""))
        for field, schema in body.get("properties", {}).items()
    ]
    if fields:
        parts.append("<table><tr><th>field</th><th>in</th><th></th><th></th></tr>")
        for field, where, required, text in fields:
            must = "required" if required else ""
            parts.append(
                f"<tr><td><code>{escape(field)}</code></td><td>{where}</td><td>{must}</td><td>{escape(text)}</td></tr>"
            )
        parts.append("</table>")
    parts.append("<p>Answers: ")
    answers = []
    for status, answer in about["responses"].items():
        kinds = [content["schema"].get("$ref", "").rpartition("/")[2] for content in answer.get("content", {}).values()]
        model = f" <a href='#model-{kinds[0]}'>{kinds[0]}</a>" if kinds and kinds[0] else ""
        answers.append(f"<b>{status}</b> {escape(answer['description'])}{model}")
    return "".join(parts) + "<br>".join(answers) + "</p></section>"
