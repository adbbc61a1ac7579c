"""The client's methods for queues, and for what definitions have been."""

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models import DefinitionView, QueueList, VersionDetail, VersionList


class Places(Part):
    """A part of `Client`."""

    def list_queues(self) -> QueueList:
        """The queues, unhealthy ones first: what waits in each, who listens, what runs."""
        return self.call(ops.ListQueues())

    def list_definition_versions(self, name: str) -> VersionList:
        """What a definition has been for its newest runs, newest first."""
        return self.call(make(ops.ListDefinitionVersions, name=name))

    def get_definition_version(self, name: str, version: str, *, against: str | None = None) -> VersionDetail:
        """One version of a definition, and how it differs from another one.

        Args:
            name: `project.NAME`.
            version: the version, or how it begins.
            against: the one to compare with; the one before it, if None.
        """
        return self.call(make(ops.GetDefinitionVersion, name=name, version=version, against=against))

    def remove_definition(self, name: str) -> DefinitionView:
        """Remove a definition that `umbel.define` has made; its runs stay."""
        return self.call(make(ops.RemoveDefinition, name=name))
