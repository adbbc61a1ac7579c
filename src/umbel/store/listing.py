"""Lists and counts of runs whose cost does not grow with the history.

An index gives rows in order of time only below one value of each column before the time. So what is asked for several
states is walked once for each of them, and the walks are merged; a text, for which there is no index, is looked for in
so many runs at a time.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal_column, or_, select, union_all

from umbel.errors import BadRequest
from umbel.machine import RunState
from umbel.store import tables

_runs: Final = tables.runs
newest_first: Final = (_runs.c.created_at.desc(), _runs.c.id.desc())
SEARCHED: Final = 10_000
"""Runs in which one page, or one count, looks for a text."""
COUNTED: Final = 1_000_000
"""Runs that one count counts, about: it ends with the bin in which it has counted so many."""
STEPS: Final = tuple(
    seconds * 1000
    for seconds in (
        *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
        *(day * 86_400 for day in (1, 2, 7, 14, 28, 91, 182, 364, 728, 3640)),
    )
)
"""Widths of bins, in ms."""

Place = tuple[int, str]
"""Where a run stands in a list: `created_at` and id."""
Walk = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; None means all.

    `since` (included) and `until` (not included) bound the time of acceptance in ms; `q` is looked for in id, name,
    comment and payload, upper and lower case alike.
    """

    states: Collection[RunState] | None = None
    definition: str | None = None
    since: int | None = None
    until: int | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many runs were accepted when, by state.

    The bins are `step` ms wide and begin at multiples of it; those without runs are left out. `since` and `until`
    bound what was counted (ms, the latter not included); `complete` says whether that is all that was asked for.
    """

    since: int
    until: int
    step: int
    bins: dict[int, dict[RunState, int]]
    complete: bool

    @property
    def total(self) -> dict[RunState, int]:
        """The sums of all bins."""
        found: dict[RunState, int] = {}
        for counts in self.bins.values():
            for state, number in counts.items():
                found[state] = found.get(state, 0) + number
        return found


def page(
    connection: Connection, columns: Select[Any], wanted: RunFilter, after: Place | None, limit: int
) -> tuple[list[Any], Place | None, int | None]:
    """Up to `limit` rows, newest first, that come after a place.

    Returns:
        The rows; the place after which to go on, or None if there is nothing more; and, if a text was looked for only
        so far, the time (ms) of the oldest run in which it was.
    """
    range_ = (*_between(wanted), *_after(after))
    walks = _walks(wanted)
    if not wanted.q:
        rows = _merged(connection, columns, walks, range_, limit + 1)
        more = len(rows) > limit
        return rows[:limit], place_of(rows[limit - 1]) if more else None, None
    end = _boundary(connection, walks, range_)
    rows = _merged(connection, columns, walks, (*range_, *_down_to(end), contains(wanted.q)), limit + 1)
    if len(rows) > limit:
        return rows[:limit], place_of(rows[limit - 1]), None
    return rows, end, end[0] if end else None


def tally(connection: Connection, wanted: RunFilter, now: int, most: int) -> Tally:
    """Counts runs by time and state, in up to `most` bins. `now` (ms) is where time ends if no run is newer."""
    walks, range_ = _walks(wanted), _between(wanted)
    ends = [_end(connection, walks, range_, oldest) for oldest in (True, False)]
    if ends[0] is None or ends[1] is None:
        at = wanted.since if wanted.since is not None else now
        return Tally(at, max(at, now if wanted.until is None else wanted.until), STEPS[0], {}, True)
    since = ends[0] if wanted.since is None else wanted.since
    until = max(now, ends[1] + 1) if wanted.until is None else wanted.until
    complete = True
    if wanted.q:
        boundary = _boundary(connection, walks, range_)
        if boundary is not None:
            since, complete = max(since, boundary[0]), False
    step = next((each for each in STEPS if _bins(since, until, each) <= most), until - since)
    counts = _counts(wanted)
    names = list(_states(wanted))
    found: dict[int, dict[RunState, int]] = {}
    total = 0
    # From the newest on, so that what is left out of a count that is too long is the oldest.
    for start in range((until - 1) // step * step, since // step * step - 1, -step):
        bounds = {"first": max(since, start), "below": min(until, start + step)}
        row = connection.execute(counts, bounds).one()
        some = {state: number for state, number in zip(names, row, strict=True) if number}
        if some:
            found[start] = some
            total += sum(some.values())
        if total >= COUNTED and start > since:
            return Tally(start, until, step, found, False)
    return Tally(since, until, step, found, complete)


def contains(text: str) -> ColumnElement[bool]:
    """Whether a run has the text in what readers look for it in."""
    looked_at: Sequence[Any] = (_runs.c.id, _runs.c.name, _runs.c.comment, _runs.c.payload)
    return or_(*(column.icontains(text, autoescape=True) for column in looked_at))


def place_of(row: Any) -> Place:
    return row.created_at, row.id


def read_cursor(cursor: str) -> Place:
    """Raises BadRequest if it is none that `write_cursor` gave."""
    at, dot, run_id = cursor.partition(".")
    # Its own length limit, so that no number is too large for the database.
    if not (dot and run_id and at.isascii() and at.isdigit() and len(at) < 18):
        raise BadRequest(f"The cursor {cursor[:80]!r} was not given by an earlier page.")
    return int(at), run_id


def write_cursor(place: Place) -> str:
    return f"{place[0]}.{place[1]}"


def _states(wanted: RunFilter) -> Iterable[RunState]:
    return RunState if wanted.states is None else dict.fromkeys(wanted.states)


def _in_state(state: RunState) -> ColumnElement[bool]:
    # In the text of the statement: PostgreSQL would else plan for any state alike, and walk all runs for a rare one.
    return _runs.c.state == bindparam(None, state.value, literal_execute=True)


def _walks(wanted: RunFilter) -> list[Walk]:
    """Conditions of which each is one walk along an index, and which together are all that is wanted of columns that
    come before the time in an index."""
    of_definition = () if wanted.definition is None else (_runs.c.definition == wanted.definition,)
    if wanted.states is None or set(wanted.states) == set(RunState):
        return [of_definition]
    return [(*of_definition, _in_state(state)) for state in _states(wanted)]


def _between(wanted: RunFilter) -> Walk:
    found = []
    if wanted.since is not None:
        found.append(_runs.c.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(_runs.c.created_at < wanted.until)
    return tuple(found)


def _after(place: Place | None) -> Walk:
    if place is None:
        return ()
    at, run_id = place
    older = and_(_runs.c.created_at == at, _runs.c.id < run_id)
    return or_(_runs.c.created_at < at, older), _runs.c.created_at <= at


def _down_to(place: Place | None) -> Walk:
    if place is None:
        return ()
    at, run_id = place
    newer = and_(_runs.c.created_at == at, _runs.c.id >= run_id)
    return or_(_runs.c.created_at > at, newer), _runs.c.created_at >= at


def _merged(
    connection: Connection, columns: Select[Any], walks: Sequence[Walk], also: Walk, limit: int, offset: int = 0
) -> list[Any]:
    """The first rows, newest first, of all walks together."""
    if not walks:
        return []
    each = [columns.where(*walk, *also).order_by(*newest_first).limit(limit + offset) for walk in walks]
    if len(each) == 1:
        return list(connection.execute(each[0].limit(limit).offset(offset)))
    together = union_all(*(select(walk.subquery()) for walk in each)).subquery()
    merged = select(together).order_by(together.c.created_at.desc(), together.c.id.desc())
    return list(connection.execute(merged.limit(limit).offset(offset)))


def _boundary(connection: Connection, walks: Sequence[Walk], range_: Walk) -> Place | None:
    """The last run in which a text is looked for; None if there are not so many."""
    places = select(_runs.c.created_at, _runs.c.id)
    found = _merged(connection, places, walks, range_, 1, offset=SEARCHED - 1)
    return place_of(found[0]) if found else None


def _end(connection: Connection, walks: Sequence[Walk], range_: Walk, oldest: bool) -> int | None:
    order = _runs.c.created_at.asc() if oldest else _runs.c.created_at.desc()
    found = [
        connection.scalar(select(_runs.c.created_at).where(*walk, *range_).order_by(order).limit(1)) for walk in walks
    ]
    there = [at for at in found if at is not None]
    return (min(there) if oldest else max(there)) if there else None


def _bins(since: int, until: int, step: int) -> int:
    return (until - 1) // step - since // step + 1


def _counts(wanted: RunFilter) -> Select[Any]:
    """One row with how many runs stand in each state, accepted from `first` until before `below`."""
    among: list[ColumnElement[bool]] = [
        _runs.c.created_at >= bindparam("first"),
        _runs.c.created_at < bindparam("below"),
    ]
    if wanted.definition is not None:
        among.append(_runs.c.definition == wanted.definition)
    if wanted.q:
        among.append(contains(wanted.q))
    columns: list[Any] = []
    for state in _states(wanted):
        some: Select[Any] = (
            select(literal_column("1")).select_from(_runs).where(*among, _in_state(state)).limit(COUNTED)
        )
        columns.append(select(func.count()).select_from(some.subquery()).scalar_subquery().label(state.value))
    return select(*columns)
