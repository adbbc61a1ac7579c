"""The Python client of a server's REST API: what the command line uses, and programs too.

Owns: the HTTP requests and what their answers mean; a Celery canvas as JSON.
May import: defined, errors, settings, machine, and the operations and resources of service.
Promises: a server's error is raised as the exception that the server raised; a dropped event stream is taken up again
where it broke off; works where only the client is installed and nothing of the server runs.
"""

from umbel.client.asynchronous import AsyncClient, AsyncRunHandle, asubmit
from umbel.client.handle import RunHandle, define, submit
from umbel.client.http import Client

__all__ = ["AsyncClient", "AsyncRunHandle", "Client", "RunHandle", "asubmit", "define", "submit"]
