"""From what a person gave to an operation."""

from typing import Any, TypeVar

from pydantic import ValidationError

from umbel.errors import BadRequest
from umbel.service import operations as ops

Op = TypeVar("Op", bound=ops.Operation[Any])


def make(operation: type[Op], **fields: Any) -> Op:
    """An operation from what a person gave.

    Raises:
        BadRequest: a value cannot be taken; the message names it.
    """
    try:
        return operation(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
