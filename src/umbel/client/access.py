"""The client's methods for accounts and API tokens; all need the scope admin."""

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models import NewToken, Token, TokenList, User, UserList


class Access(Part):
    """A part of `Client`."""

    def list_users(self) -> UserList:
        """The accounts, and what each may do."""
        return self.call(ops.ListUsers())

    def add_user(self, name: str, password: str, scope: ops.Scope) -> User:
        """Add an account that may do what `scope` says."""
        return self.call(make(ops.AddUser, name=name, password=password, scope=scope))

    def change_user(self, name: str, *, password: str | None = None, scope: ops.Scope | None = None) -> User:
        """Give an account another password, which ends its sessions, or another scope."""
        return self.call(make(ops.ChangeUser, name=name, password=password, scope=scope))

    def remove_user(self, name: str) -> User:
        """Remove an account and end its sessions."""
        return self.call(make(ops.RemoveUser, name=name))

    def list_tokens(self) -> TokenList:
        """The API tokens, without what is secret in them."""
        return self.call(ops.ListTokens())

    def create_token(self, name: str, scope: ops.Scope, *, expires_in_days: float | None = None) -> NewToken:
        """Make an API token; the answer's `token` is not shown again.

        Args:
            name: what it is for; no other has it.
            scope: what it may do.
            expires_in_days: after how many days it ends; never if None.
        """
        return self.call(make(ops.CreateToken, name=name, scope=scope, expires_in_days=expires_in_days))

    def revoke_token(self, token: str) -> Token:
        """Revoke an API token, by its id or name."""
        return self.call(make(ops.RevokeToken, token_id=token))
