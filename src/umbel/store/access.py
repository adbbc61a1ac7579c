"""API tokens and the sessions of people who signed in. What is secret in them is kept as a hash only."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Index, String, Table, delete, insert, select, update

from umbel.store import tables
from umbel.store.database import Database

_tokens: Final = Table(
    "tokens",
    tables.metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
)

sessions: Final = Table(
    "sessions",
    tables.metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("sessions_of_account", "name"),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token. `hash` is that of its secret, in hexadecimal; times are ms UTC, None for never."""

    id: str
    name: str
    hash: str
    scope: str
    created_at: int
    created_by: str
    expires_at: int | None
    used_at: int | None = None


class Access:
    """Tokens and sessions. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tokens(self) -> list[TokenRow]:
        """All tokens by name, those that have expired too."""
        with self._database.read() as connection:
            return [TokenRow(*row) for row in connection.execute(select(_tokens).order_by(_tokens.c.name))]

    def token(self, id: str) -> TokenRow | None:
        """A token by its id."""
        with self._database.read() as connection:
            row = connection.execute(select(_tokens).where(_tokens.c.id == id)).one_or_none()
        return TokenRow(*row) if row else None

    def add_token(self, token: TokenRow) -> bool:
        """Adds a token; False, changing nothing, if there is one of this name."""
        taken = select(_tokens.c.id).where(_tokens.c.name == token.name)
        values = {column.name: getattr(token, column.name) for column in _tokens.c}
        with self._database.write() as connection:
            if connection.scalar(taken) is not None:
                return False
            connection.execute(insert(_tokens).values(values))
        return True

    def remove_token(self, id: str) -> bool:
        """Removes a token; False if there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(_tokens).where(_tokens.c.id == id)).rowcount == 1

    def token_used(self, id: str, at: int) -> None:
        """Notes that a token was used at the time `at`."""
        with self._database.write() as connection:
            connection.execute(update(_tokens).where(_tokens.c.id == id).values(used_at=at))

    def add_session(self, hash: str, name: str, at: int, expires_at: int) -> None:
        """Adds a session of an account at the time `at`, and deletes those that have expired by then."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= at))
            row = {"hash": hash, "name": name, "created_at": at, "expires_at": expires_at}
            connection.execute(insert(sessions).values(row))

    def session(self, hash: str, at: int) -> tuple[str, str, int] | None:
        """Name and scope of the account of a session, and when it expires; None if it is not there or has expired."""
        statement = (
            select(tables.users.c.name, tables.users.c.scope, sessions.c.expires_at)
            .join_from(sessions, tables.users, tables.users.c.name == sessions.c.name)
            .where(sessions.c.hash == hash, sessions.c.expires_at > at)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return (row.name, row.scope, row.expires_at) if row else None

    def remove_session(self, hash: str) -> None:
        """Removes a session."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == hash))
