"""Whether the installation is well."""

from umbel.service.models.health import Health
from umbel.service.operations.base import Operation, Spec


class GetHealth(Operation[Health]):
    """What is wrong with the installation, seen from the server: broker, state store, database, versions, workers,
    lag, stuck runs. Each finding with its reason and what to do. Takes up to three seconds."""

    spec = Spec("get_health", "GET", "/health", Health)
