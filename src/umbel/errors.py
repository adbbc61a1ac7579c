"""Every exception that Umbel raises on purpose, each with a stable code and a hint that says how to mend it.

Owns: the exceptions and their codes.
May import: nothing.
Promises: a code never changes its meaning.
"""

from typing import ClassVar


class UmbelError(Exception):
    """Base of all. `str(error)` is one plain sentence; `hint` says what to do about it."""

    code: ClassVar[str] = "UMB-000"
    hint: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class SettingsError(UmbelError):
    """A setting has a value that cannot be used."""

    code = "UMB-001"


class DefinitionError(UmbelError):
    """A definition, or the file it stands in, cannot be used; the message names file, line and column."""

    code = "UMB-010"


class DefinitionNotFound(UmbelError):
    """No definition has this name."""

    code = "UMB-011"
    hint = "`umbel definitions` lists what is defined."


class PayloadInvalid(UmbelError):
    """The payload does not fit the definition's JSON Schema. `errors` holds one sentence per problem."""

    code = "UMB-012"

    def __init__(self, message: str, errors: list[str] | None = None, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errors = errors or []


class PayloadTooLarge(UmbelError):
    """The payload is larger than `UMBEL_MAX_PAYLOAD_BYTES`."""

    code = "UMB-013"


class ExpressionError(UmbelError):
    """A CEL expression of a definition cannot be read, or has no value for this run."""

    code = "UMB-014"


class RunNotFound(UmbelError):
    """No run has this id."""

    code = "UMB-020"
    hint = "`umbel list` shows the runs that are there."


class TaskNotFound(UmbelError):
    """The run has no task with this key."""

    code = "UMB-021"


class BadRequest(UmbelError):
    """A request cannot be understood."""

    code = "UMB-022"


class IdempotencyConflict(UmbelError):
    """The same Idempotency-Key came before with another request."""

    code = "UMB-023"
    hint = "Use a new key for a new request, or send the first request again unchanged."


class Unauthorized(UmbelError):
    """The server asks for an account or an API token, and got none or a wrong one."""

    code = "UMB-024"
    hint = (
        "`umbel` and its Python client send UMBEL_TOKEN, or UMBEL_USER and UMBEL_PASSWORD; `umbel token add` and"
        " `umbel user add` make what the server knows."
    )


class UserNotFound(UmbelError):
    """There is no account with this name."""

    code = "UMB-025"
    hint = "`umbel user list` shows the accounts."


class ScheduleNotFound(UmbelError):
    """The definition has no schedule."""

    code = "UMB-026"
    hint = "`umbel schedules` lists the definitions that have one: with `periodic`, or `schedule`."


class RunLost(UmbelError):
    """The state store does not know a run that has not ended: its data was lost."""

    code = "UMB-027"
    hint = "Within seconds it goes on from what the history has; try again then."


class LimitReached(UmbelError):
    """As many runs of this definition are live as its `concurrency` allows, and it refuses one more."""

    code = "UMB-028"
    hint = "Start it when one of them has ended. `on_limit` in the definition says what happens instead."


class WrongState(UmbelError):
    """The run, or the task, does not stand where this can be done."""

    code = "UMB-029"


class StateUnavailable(UmbelError):
    """The state store (Redis or Valkey) did not answer."""

    code = "UMB-030"
    hint = "Is UMBEL_STATE_URL right, and is the store running?"


class StateFull(StateUnavailable):
    """The state store is at its `maxmemory`, or cannot write to its disk: nothing new begins, what runs ends."""

    code = "UMB-053"
    hint = "Give Redis more memory (maxmemory) or disk space. Runs that were accepted go on by themselves then."


class HistoryUnavailable(UmbelError):
    """The SQL database did not answer."""

    code = "UMB-031"
    hint = "Is UMBEL_DATABASE_URL right, and is the database running and migrated (`umbel db upgrade`)?"


class BrokerUnavailable(UmbelError):
    """The broker did not take a message. Nothing is lost: the task is sent again when the broker is back."""

    code = "UMB-032"
    hint = "Is UMBEL_BROKER_URL right, and is the broker running?"


class ServerUnavailable(UmbelError):
    """The Umbel server did not answer the client."""

    code = "UMB-033"
    hint = "Is a server running at UMBEL_URL? `umbel dev` or `umbel demo` starts one."


class RunFailed(UmbelError):
    """Raised by a handle's `get()` when the run did not succeed.

    `state` is how the run ended. Of the task whose error ended it there are its key (`task`), and `type`, `message` and
    `traceback` of its exception as Python prints them; None where there is no such task, as in a canceled run.
    """

    code = "UMB-040"

    def __init__(
        self,
        message: str,
        *,
        run_id: str,
        state: str,
        task: str | None = None,
        type: str | None = None,
        error: str | None = None,
        traceback: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id
        self.state = state
        self.task = task
        self.type = type
        self.message = error
        self.traceback = traceback


class Forbidden(UmbelError):
    """Who asks may not do this: the scope of the account or token does not reach so far."""

    code = "UMB-045"
    hint = "An account or a token with more scope can: read, run, admin (`umbel user`, `umbel token`)."


class TokenNotFound(UmbelError):
    """There is no API token with this id or name."""

    code = "UMB-046"
    hint = "`umbel token list` shows the tokens."


class ForeignRequest(UmbelError):
    """A browser sent the request, and not from a page of this server; or by a name that is not the server's."""

    code = "UMB-047"


class TooManyRequests(UmbelError):
    """Too many requests, event streams or wrong passwords from one caller. `retry_after` is in seconds."""

    code = "UMB-054"

    def __init__(self, message: str, retry_after: int = 1, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RequestTooSlow(UmbelError):
    """The body of a request did not arrive in time."""

    code = "UMB-055"


class ResultTooLarge(UmbelError):
    """A task returned more than `UMBEL_MAX_RESULT_BYTES` of JSON."""

    code = "UMB-041"
    hint = "Store large data elsewhere and return a reference to it."


class TaskRejected(UmbelError):
    """A task raised Celery's `Ignore` or `Reject` inside a run, which leaves no result behind."""

    code = "UMB-042"
    hint = "Inside a run, return a value or raise an ordinary exception."


class TaskPoisoned(UmbelError):
    """The worker process died under this task as often as `UMBEL_MAX_LOST` allows."""

    code = "UMB-043"
    hint = "Look at the worker's log: memory, a crash in native code, or os._exit in the task."


class TaskTimeout(UmbelError):
    """An attempt of a task ran longer than the `timeout` of its definition."""

    code = "UMB-044"
    hint = "Raise the timeout, or let `retry` try it again."


class SecretKeyMissing(UmbelError):
    """Something has to be sealed or opened, and this process has no key."""

    code = "UMB-048"
    hint = "`umbel secret key` makes one. Give the same UMBEL_SECRET_KEY to every server and worker."


class SecretUnreadable(UmbelError):
    """A sealed value was sealed with a key that this process does not have."""

    code = "UMB-049"
    hint = "Add the key that it was sealed with to UMBEL_SECRET_KEY, behind the newer one and a comma."


class VersionNotFound(UmbelError):
    """The definition never was what is asked for."""

    code = "UMB-064"
    hint = "`umbel definitions NAME --versions` shows what it has been."


class DeliveryNotFound(UmbelError):
    """The run has no delivery to a webhook with this id."""

    code = "UMB-051"
    hint = "`umbel deliveries RUN` shows those that it has."


class LessonNotFound(UmbelError):
    """There is no such lesson, or the lesson has no such step, or nobody ran it."""

    code = "UMB-059"
    hint = "`umbel learn` lists the lessons."


class LessonInvalid(UmbelError):
    """A file of a lesson has a mistake: the message names file and place."""

    code = "UMB-060"


class NotConfirmed(UmbelError):
    """An agent wants to destroy something that it has not previewed, or that has changed since."""

    code = "UMB-056"
    hint = "Call the tool without `confirm` to see what would happen now, then with the `confirm` of that answer."


class StackError(UmbelError):
    """A part of the embedded stack (`umbel demo`, `umbel dev`) could not be started or kept alive."""

    code = "UMB-050"


class LabMissed(UmbelError):
    """The failure lab found nothing to do it to: no such process, message or attempt was there in time."""

    code = "UMB-057"
    hint = "`umbel lab` shows what is there now."
