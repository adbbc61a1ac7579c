"""Renders an OpenAPI document as one plain HTML page: no script, no request beyond the page itself."""

import json
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
code, pre {{ font-family: ui-monospace, monospace; font-size: .875rem; }}
pre {{ padding: 1rem; overflow: auto; border: 1px solid; border-radius: .25rem; }}
:root {{ color-scheme: light dark; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{description}</p>
{operations}
<h2>Schemas</h2>
{schemas}
<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>
</body>
</html>
"""


def render(openapi: dict[str, Any]) -> str:
    """Return the page for an OpenAPI 3 document as FastAPI's `app.openapi()` gives it."""
    operations = [
        _operation(method, path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = openapi.get("components", {}).get("schemas", {})
    return _PAGE.format(
        title=escape(openapi["info"]["title"]),
        description=escape(openapi["info"].get("description", "")),
        operations="\n".join(operations),
        schemas="\n".join(_schema(name, schema) for name, schema in schemas.items()),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"<h2><code>{method.upper()} {escape(path)}</code></h2>"]
    lines.append(f"<p>{escape(operation.get('description', ''))}</p>\n<ul>")
    if "requestBody" in operation:
        lines.append(f"<li>body: {_content(operation['requestBody'])}</li>")
    for status, response in operation["responses"].items():
        lines.append(f"<li>{escape(status)} {escape(response['description'])}: {_content(response)}</li>")
    lines.append("</ul>")
    return "\n".join(lines)


def _content(holder: dict[str, Any]) -> str:
    schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    return f"<code>{escape(json.dumps(schema))}</code>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>\n<pre>{escape(json.dumps(schema, indent=2))}</pre>'
