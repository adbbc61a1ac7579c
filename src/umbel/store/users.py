"""Accounts: a name, the hash of a password and a scope each."""

from sqlalchemy import delete, insert, select, update

from umbel.store import tables
from umbel.store.access import sessions
from umbel.store.database import Database
from umbel.store.rows import UserRow

_users = tables.users


class Users:
    """The accounts. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def users(self) -> list[UserRow]:
        """All accounts by name."""
        statement = select(_users.c.name, _users.c.created_at, _users.c.scope).order_by(_users.c.name)
        with self._database.read() as connection:
            return [UserRow(*row) for row in connection.execute(statement)]

    def password_hash(self, name: str) -> tuple[str, str] | None:
        """The hash of an account's password, and its scope; None if there is no such account."""
        statement = select(_users.c.password_hash, _users.c.scope).where(_users.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return (row.password_hash, row.scope) if row else None

    def add_user(self, name: str, password_hash: str, scope: str, at: int) -> bool:
        """Adds an account at the time `at` (ms UTC); False, changing nothing, if the name is taken."""
        taken = select(_users.c.name).where(_users.c.name == name)
        row = {"name": name, "password_hash": password_hash, "scope": scope, "created_at": at}
        with self._database.write() as connection:
            if connection.scalar(taken) is not None:
                return False
            connection.execute(insert(_users).values(row))
        return True

    def change_user(self, name: str, *, password_hash: str | None = None, scope: str | None = None) -> bool:
        """Gives an account another password, which ends its sessions, or another scope; False if there is none."""
        values = {"password_hash": password_hash, "scope": scope}
        change = update(_users).where(_users.c.name == name)
        with self._database.write() as connection:
            if password_hash is not None:
                connection.execute(delete(sessions).where(sessions.c.name == name))
            given = {column: value for column, value in values.items() if value is not None} or {"name": name}
            return connection.execute(change.values(given)).rowcount == 1

    def remove_user(self, name: str) -> bool:
        """Removes an account and its sessions; False if there is none."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.name == name))
            return connection.execute(delete(_users).where(_users.c.name == name)).rowcount == 1
