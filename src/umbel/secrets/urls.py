"""Addresses without their passwords."""

import re
from typing import Final

SHOWN: Final = "***"

_USERINFO: Final = re.compile(r"(?P<start>[A-Za-z][\w+.-]*://[^\s:/?#@]*):[^\s]*@(?=[^\s@]*(?:\s|$))")
"""`scheme://name:password@`; the password reaches to the last @, since not everybody quotes what is in it."""
_PARAMETER: Final = re.compile(r"(?P<start>[?&;](?:password|passwd|pwd|sslpassword|token|secret)=)[^\s&;#]*", re.I)


def redact_url(text: str) -> str:
    """`text`, which is a URL or holds some, with `***` for the passwords in them."""
    return _PARAMETER.sub(rf"\g<start>{SHOWN}", _USERINFO.sub(rf"\g<start>:{SHOWN}@", text))
