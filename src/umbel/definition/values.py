"""Single values of a definition as their authors write them: durations, numbers, choices, CEL and templates with it."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from umbel.definition import durations, expressions, scan
from umbel.definition.document import describe, mapping, plain, text_of
from umbel.definition.model import RetryPolicy
from umbel.definition.problems import At, Report, shorten

MAX_CODE: Final = 20_000
"""Characters of CEL in one file, apart from plain paths: about 100 ms of compiling. Wrong ones take longer, and count
four times."""
_BACKOFF: Final = ("constant", "linear", "exponential")
_RETRY_KEYS: Final = (
    *("max_attempts", "max_retries", "backoff", "initial", "factor", "max_delay", "jitter", "max_elapsed"),
    *("on", "not_on"),
)
MAX_ATTEMPTS: Final = 1_000
LONG_PAUSE: Final = RetryPolicy(1).max_delay
"""Seconds: no pause is longer, unless its author says so."""


def duration(word: str, node: Node, report: Report, *, zero: bool = False) -> float | None:
    """Seconds; None and a problem if it is no duration, or nothing at all where it must be something."""
    long = False
    try:
        found = durations.seconds(plain(node, report))
    except ValueError as error:
        found, long = -1.0, str(error) == durations.OUT_OF_RANGE
    if found > 0 or (zero and found == 0):
        return found
    what = "a duration" if zero else "a duration above 0"
    if long or (isinstance(node, ScalarNode) and len(node.value) > 15 and node.value.isdigit()):
        what += " and up to ten years"
    report.add("bad-option", node.start_mark, f"`{word}` is {what}, found {describe(node)}", durations.HINT)
    return None


def integer(word: str, node: Node, low: int, high: int, report: Report) -> int | None:
    """A whole number between `low` and `high`, or None and a problem."""
    found = plain(node, report)
    if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
        return found
    message = f"`{word}` is a whole number from {low:,} to {high:,}, found {describe(node)}"
    report.add("bad-option", node.start_mark, message)
    return None


def choice(word: str, node: Node, choices: Collection[str], report: Report) -> str | None:
    """One of some words, or None and a problem."""
    name = text_of(node)
    if name in choices:
        return name
    hint = report.nearest(name, choices) if name else ""
    message = f"`{word}` is one of {', '.join(choices)}; found {describe(node)}"
    report.add("bad-option", node.start_mark, message, hint)
    return None


def code(word: str, node: Node, report: Report, *, item: bool = False) -> str | None:
    """A CEL text, without the `${…}` that may be around it; None and a problem if it is none."""
    text = node.value if isinstance(node, ScalarNode) and isinstance(plain(node, report), str | bool) else None
    if text is None:
        message = f"`{word}` is an expression, found {describe(node)}"
        report.add("bad-expression", node.start_mark, message, 'For example: "payload.rows > 10".')
        return None
    text = scan.unwrap(text)
    return text if _check(text, node, 0, report, item) else None


def template(node: Node, report: Report, *, item: bool = False) -> Any:
    """A value whose texts may hold `${CEL}`, as JSON; each of these is checked, and reported where it stands."""
    stack = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, MappingNode):
            stack.extend(value for _, value in mapping(here, Report("")).values())
        elif isinstance(here, SequenceNode):
            stack.extend(here.value)
        elif "${" in here.value and text_of(here) is not None:
            try:
                parts = scan.split(here.value)
            except expressions.ExpressionError as error:
                report.add("bad-expression", here.start_mark, str(error), error.hint)
                continue
            for part in parts:
                if part.code:
                    _check(part.text, here, part.start, report, item)
    return plain(node, report)


def _check(text: str, node: Node, offset: int, report: Report, item: bool) -> bool:
    if len(text) < 1000 and scan.is_path(text, (*expressions.NAMES, "item") if item else expressions.NAMES):
        return True
    report.code += len(text)
    if report.code > MAX_CODE:
        message = f"more than {MAX_CODE:,} characters of expressions"
        report.add("file-too-large", None, message, "Split the file, or let tasks compute it.")
        return False
    wrong = expressions.check(text, item=item)
    if wrong is None:
        return True
    report.code += 3 * len(text)
    hint = ""
    if not item and "'item" in wrong and expressions.check(text) is None:
        hint = "`item` is there in a task that has `map`, below `with`."
    elif "undeclared reference" in wrong:
        hint = "Expressions know payload, tasks.KEY.result, tasks.KEY.state, run.id and run.definition."
    mark = node.start_mark
    same_line = mark.line == node.end_mark.line
    quote = 1 if isinstance(node, ScalarNode) and node.style in ("'", '"') else 0
    where = At(mark.line, mark.column + (offset + quote if same_line else 0))
    report.add("bad-expression", where, f"{scan.shown(text)} is not CEL: {wrong}", hint)
    return False


def read_retry(node: Node, report: Report) -> RetryPolicy | None:
    """`retry: 3`, or a mapping; None if it is wrong, which is then reported."""
    if not isinstance(node, MappingNode):
        attempts = integer("retry", node, 1, MAX_ATTEMPTS, report)
        return RetryPolicy(attempts) if attempts else None
    before = report.errors
    fields = mapping(node, report)
    for word in fields.keys() - set(_RETRY_KEYS):
        message = f"{shorten(word)} below `retry` means nothing"
        hint = report.nearest(word, _RETRY_KEYS) or f"`retry` has {', '.join(_RETRY_KEYS)}."
        report.add("unknown-key", fields[word][0].start_mark, message, hint)
    values: dict[str, Any] = {"max_attempts": _attempts(node, fields, report)}
    if "backoff" in fields:
        values["backoff"] = choice("backoff", fields["backoff"][1], _BACKOFF, report)
    for word in ("initial", "max_delay"):
        if word in fields:
            values[word] = duration(word, fields[word][1], report, zero=word == "initial")
    if "max_elapsed" in fields:
        values["max_elapsed"] = duration("max_elapsed", fields["max_elapsed"][1], report)
    if "factor" in fields:
        values["factor"] = _factor(fields["factor"][1], values.get("backoff"), report)
    if "jitter" in fields:
        given = plain(fields["jitter"][1], report)
        known = {None: "none", False: "none", True: "full"}  # `jitter: true` is Celery's `retry_jitter`
        if isinstance(given, bool | None):
            values["jitter"] = known[given]
        else:
            values["jitter"] = choice("jitter", fields["jitter"][1], ("none", "full"), report)
    for word in ("on", "not_on"):
        if word in fields:
            values[word] = _exceptions(word, fields[word][1], report)
    if report.errors > before:
        return None
    if "max_delay" not in values and values.get("initial", 0) > LONG_PAUSE:
        values["max_delay"] = values["initial"]
    policy = RetryPolicy(**values)
    if (fit := attempts_that_fit(policy)) < policy.max_attempts:
        where = fields["max_elapsed"][1].start_mark
        message = f"the pauses leave room for {fit} of {policy.max_attempts} attempts within `max_elapsed`"
        report.add("cannot-finish", where, message, "Shorten the pauses, or allow more time.", severity="warning")
    return policy


def pauses(policy: RetryPolicy) -> list[float]:
    """The longest pause before each attempt but the first, in seconds."""
    found = []
    for n in range(1, policy.max_attempts):
        if policy.backoff == "exponential":
            exponent = min(n - 1, 1000)
            try:
                delay = policy.initial * policy.factor**exponent
            except OverflowError:
                delay = policy.max_delay
        else:
            delay = policy.initial * (n if policy.backoff == "linear" else 1)
        found.append(min(delay, policy.max_delay))
    return found


def attempts_that_fit(policy: RetryPolicy) -> int:
    """How many attempts can begin before `max_elapsed` is over, if they took no time themselves."""
    if policy.max_elapsed is None or policy.jitter == "full":  # a random part of a pause may be short
        return policy.max_attempts
    elapsed, attempts = 0.0, 1
    for delay in pauses(policy):
        elapsed += delay
        if elapsed > policy.max_elapsed:
            break
        attempts += 1
    return attempts


def longest(policy: RetryPolicy | None, timeout: float | None) -> float:
    """The longest time that the attempts of a task and the pauses between them can take, in seconds, as far as it is
    known: an attempt without a timeout counts as nothing."""
    if policy is None:
        return timeout or 0.0
    total = sum(pauses(policy))
    if policy.max_elapsed is not None and total > policy.max_elapsed:
        return policy.max_elapsed + (timeout or 0.0)
    return total + policy.max_attempts * (timeout or 0.0)


def _attempts(node: Node, fields: Mapping[str, tuple[Node, Node]], report: Report) -> int | None:
    if "max_attempts" in fields and "max_retries" in fields:
        message = "`retry` has `max_attempts` and `max_retries`"
        hint = "Keep one: max_attempts counts the first attempt, too, so it is max_retries + 1."
        report.add("does-not-go-together", fields["max_retries"][0].start_mark, message, hint)
    elif "max_retries" in fields:
        retries = integer("max_retries", fields["max_retries"][1], 0, MAX_ATTEMPTS - 1, report)
        return None if retries is None else retries + 1
    elif "max_attempts" in fields:
        return integer("max_attempts", fields["max_attempts"][1], 1, MAX_ATTEMPTS, report)
    else:
        message = "`retry` does not say how often"
        report.add("bad-option", node.start_mark, message, "Add `max_attempts: 3` (the first attempt counts).")
    return None


def _factor(node: Node, backoff: str | None, report: Report) -> float | None:
    found = plain(node, report)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 1 <= found <= 100:
        report.add("bad-option", node.start_mark, f"`factor` is a number from 1 to 100, found {describe(node)}")
        return None
    if backoff in ("constant", "linear"):
        message = f"`factor` has no effect with `backoff: {backoff}`"
        report.add("does-not-go-together", node.start_mark, message, "It is for `backoff: exponential`.")
    return float(found)


def _exceptions(word: str, node: Node, report: Report) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, SequenceNode) else [node]
    found = []
    for each in nodes:
        name = text_of(each)
        if name and len(name) <= 200 and all(part.isidentifier() for part in name.split(".")):
            found.append(name)
        else:
            message = f"`{word}` is the name of an exception, or a list of such, found {describe(each)}"
            report.add("bad-option", each.start_mark, message, "For example: TimeoutError, requests.ConnectionError.")
    return tuple(found)
