"""Who may speak to the server: accounts, API tokens, sessions."""

from typing import Literal

from pydantic import Field

from umbel.service.models.base import Resource, Time

Scope = Literal["read", "run", "admin"]


class User(Resource):
    """An account."""

    name: str
    scope: Scope = Field(description="What it may do: look; also start and stop; everything.")
    created_at: Time


class UserList(Resource):
    """The accounts by name."""

    items: list[User]


class Token(Resource):
    """An API token. The token itself is not kept, and shown only once."""

    id: str
    name: str
    scope: Scope = Field(description="What it may do: look; also start and stop; everything.")
    created_at: Time
    created_by: str = Field(description="Who made it.")
    expires_at: Time | None = Field(default=None, description="When it ends; null for never.")
    expired: bool = False
    used_at: Time | None = Field(default=None, description="When it was last used, within some minutes.")


class TokenList(Resource):
    """The tokens by name."""

    items: list[Token]


class NewToken(Token):
    """A token that was just made."""

    token: str = Field(description="What clients send as `Authorization: Bearer`. It is not shown again.")


class Session(Resource):
    """Who is signed in."""

    auth: Literal["none", "basic"] = Field(description="Whether the server asks for credentials at all.")
    name: str | None = Field(default=None, description="Whose credentials came; null if the server asks for none.")
    scope: Scope
    csrf: str | None = Field(
        default=None,
        description="What requests with the session's cookie must bring as `X-CSRF-Token` to change things.",
    )
    expires_at: Time | None = Field(default=None, description="When the session ends.")
