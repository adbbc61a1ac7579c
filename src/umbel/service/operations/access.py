"""Accounts and API tokens. None of these is a tool for agents: they shall not hand out credentials."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from umbel.service.models import NewToken, Token, TokenList, User, UserList
from umbel.service.operations.base import Operation, Scope, Spec

Name = Annotated[str, Field(min_length=1, max_length=64, description="Name of the account.", examples=["john"])]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        description="Kept as an argon2id hash only.",
        json_schema_extra={"format": "password", "writeOnly": True},
    ),
]
Allowed = Annotated[Scope, Field(description="What may be done: look; also start and stop; everything.")]


class ListUsers(Operation[UserList]):
    """The accounts, and what each may do."""

    spec = Spec("list_users", "GET", "/users", UserList, scope="admin", tool=False)


class AddUser(Operation[User]):
    """Add an account."""

    spec = Spec("add_user", "POST", "/users", User, status=201, scope="admin", read_only=False, tool=False)
    name: Name
    password: Password = Field(repr=False)
    scope: Allowed


class ChangeUser(Operation[User]):
    """Give an account another password, which ends its sessions, or another scope."""

    spec = Spec("change_user", "POST", "/users/{name}", User, scope="admin", read_only=False, tool=False)
    name: Name
    password: Password | None = Field(default=None, repr=False)
    scope: Allowed | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.password is None and self.scope is None:
            raise ValueError("give `password`, `scope` or both")
        return self


class RemoveUser(Operation[User]):
    """Remove an account and end its sessions. Tokens stay: they are nobody's own."""

    spec = Spec(
        "remove_user", "DELETE", "/users/{name}", User, scope="admin", read_only=False, destructive=True, tool=False
    )
    name: Name


class ListTokens(Operation[TokenList]):
    """The API tokens, without what is secret in them."""

    spec = Spec("list_tokens", "GET", "/tokens", TokenList, scope="admin", tool=False)


class CreateToken(Operation[NewToken]):
    """Make an API token for a program. The answer has it; it is not shown again."""

    spec = Spec("create_token", "POST", "/tokens", NewToken, status=201, scope="admin", read_only=False, tool=False)
    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="What it is for, such as `ci`; no other has it.")
    ]
    scope: Allowed
    expires_in_days: float | None = Field(
        default=None, gt=0, le=3650, description="After how many days it ends; never, if not given."
    )


class RevokeToken(Operation[Token]):
    """Revoke an API token: its next request is refused."""

    spec = Spec(
        "revoke_token",
        "DELETE",
        "/tokens/{token_id}",
        Token,
        scope="admin",
        read_only=False,
        destructive=True,
        tool=False,
    )
    token_id: str = Field(max_length=64, description="Id of the token, or its name.")
