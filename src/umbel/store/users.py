"""Accounts: a name and the hash of a password each."""

from sqlalchemy import delete, insert, select, update

from umbel.store import tables
from umbel.store.database import Database
from umbel.store.rows import UserRow


class Users:
    """The accounts. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def users(self) -> list[UserRow]:
        """All accounts by name."""
        statement = select(tables.users.c.name, tables.users.c.created_at).order_by(tables.users.c.name)
        with self._database.read() as connection:
            return [UserRow(name, created_at) for name, created_at in connection.execute(statement)]

    def password_hash(self, name: str) -> str | None:
        """The hash of an account's password; None if there is no such account."""
        statement = select(tables.users.c.password_hash).where(tables.users.c.name == name)
        with self._database.read() as connection:
            found: str | None = connection.scalar(statement)
        return found

    def add_user(self, name: str, password_hash: str, at: int) -> bool:
        """Adds an account at the time `at` (ms UTC); False, changing nothing, if the name is taken."""
        taken = select(tables.users.c.name).where(tables.users.c.name == name)
        with self._database.write() as connection:
            if connection.scalar(taken) is not None:
                return False
            connection.execute(insert(tables.users).values(name=name, password_hash=password_hash, created_at=at))
        return True

    def set_password_hash(self, name: str, password_hash: str) -> bool:
        """Gives an account another password; False if there is no such account."""
        statement = update(tables.users).where(tables.users.c.name == name).values(password_hash=password_hash)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def remove_user(self, name: str) -> bool:
        """Removes an account; False if there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(tables.users).where(tables.users.c.name == name)).rowcount == 1
