"""`umbel doctor`: checks of an installation. A file per part; each looks at its part and says what is wrong with it."""

from umbel.service.doctor.examine import PATIENCE, Check, examine
from umbel.service.doctor.site import Site, checks

__all__ = ["PATIENCE", "Check", "Site", "checks", "examine"]
