"""The use cases: what the REST API, the command line, the MCP server and the agent tools all do.

Owns: the operations and resources of the public interface, and what each operation does.
May import: keeper, celery, engine, store, plan, definition, events, machine, errors, settings.
Promises: a started run is on disk before the answer; every operation is one Pydantic model from which REST, OpenAPI,
agent tools, client and command line are made. Importing this package alone imports none of that.
"""
