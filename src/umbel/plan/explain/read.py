"""A canvas as Python text -> `Canvas`: read with `ast`, never evaluated.

What is read: signatures of tasks (`task.s`, `.si`, `.signature`, `signature("name")`), `chain`, `group`, `chord`, `|`,
`map`, `starmap`, `chunks`, `set`, `clone`, `link`, `link_error`, `on_error`, names given to parts, lists and generators
over literal lists and ranges, and literals that JSON can hold. Imports are not followed. All else is a problem.
"""

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from umbel.definition.problems import Report
from umbel.plan.explain import made
from umbel.plan.explain.bounds import MAX_PARTS, MAX_TEXT, READ, Refused, parsed, place, word_of
from umbel.plan.explain.made import Canvas
from umbel.plan.explain.names import Names
from umbel.plan.explain.values import Started, TaskName, Values

CONSTRUCTORS: Final = ("chain", "group", "chord", "signature", "subtask")
METHODS: Final = (
    *("s", "si", "signature", "subtask", "set", "clone", "link", "link_error", "on_error", "map", "starmap", "chunks"),
    *("delay", "apply_async", "group"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `waits`: the text waits for a result itself."""

    canvas: Canvas | None
    notes: tuple[tuple[str, int, int], ...] = ()
    """What Celery did to the parts: a word of `made.WORDS`, and where the part stands."""
    waits: tuple[int, int] | None = None


def read(text: str, report: Report, tasks: Collection[str] | None = None) -> Reading:
    """The canvas in a text. Whatever is wrong is in the report; nothing is raised, nothing is evaluated.

    Args:
        tasks: the names of the tasks that there are; None: not known, then names are taken as they stand.
    """
    # Lines as `ast` counts them, not as `splitlines`, which knows more line ends.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    try:
        if len(text) > MAX_TEXT:
            raise Refused("canvas-too-large", None, f"the text has more than {MAX_TEXT:,} characters")
        return _Reader(report, Names(report, tasks, lines), lines).read(parsed(text))
    except Refused as refused:
        where = None if refused.where is None else place(lines, refused.where)
        report.add(refused.code, where, refused.message, refused.hint)
    except ValueError as error:  # what Celery's own constructors refuse
        report.add("canvas-form", None, f"Celery cannot build this canvas: {error}")
    except (RecursionError, MemoryError):
        report.add("canvas-too-large", None, "the text is nested too deep", "Give names to its parts.")
    return Reading(None)


class _Reader(Values):
    """Statements, constructors and methods."""

    def read(self, module: ast.Module) -> Reading:
        found: Any = None
        for statement in module.body:
            value = self._statement(statement)
            found = value if value is not None else found
        if isinstance(found, Started):
            found = found.canvas
        if not isinstance(found, Canvas):
            raise Refused("no-canvas", None, "there is no canvas in the text", "For example: chain(a.s(1), b.s())")
        if found.kind == "chord" and found.body is None:
            raise Refused("canvas-form", None, "the chord has no body", "chord(header, body), or chord(header)(body).")
        return Reading(None if self.known.unknown else found, tuple(self.notes), self.waits)

    def _statement(self, node: ast.stmt) -> Any:
        """The canvas that a statement gives, if any."""
        match node:
            case ast.Import() | ast.ImportFrom():
                self.known.learn(node)
            case ast.Expr(ast.Constant(str())) | ast.Pass():
                pass
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "link" | "link_error"))) if name in self.names:
                self._value(node.value)
                return self.names[name]
            case ast.Expr(value) | ast.Return(value) if value is not None:
                return self._canvas(value)
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, value) if value is not None:
                if isinstance(value, ast.Name):
                    self.used.add(value.id)
                found = self._value(value)
                self.names[name] = found
                self.used.discard(name)
                return found if isinstance(found, Canvas | Started) else None
            case ast.AugAssign(ast.Name(name), ast.BitOr(), value) if isinstance(self.names.get(name), Canvas):
                self.names[name] = self._joined(self.names[name], self._canvas(value), node)
                return self.names[name]
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                raise Refused("canvas-form", node, "functions and classes are not read", "Paste the canvas alone.")
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                raise Refused("canvas-form", node, "only `name = part` is read", "Give each part a name of its own.")
            case _:
                raise Refused("canvas-form", node, f"`{word_of(node)}` is not read: a canvas is not evaluated", READ)
        return None

    def _note(self, word: str, part: Canvas) -> None:
        self.notes[(word, part.line, part.column)] = None

    def _pipe(self, node: ast.BinOp) -> Canvas:
        """`a | b | c`, which `ast` has as ((a | b) | c), without recursion."""
        rest: list[ast.BinOp] = []
        here: ast.expr = node
        while isinstance(here, ast.BinOp) and isinstance(here.op, ast.BitOr):
            rest.append(here)
            here = here.left
        done = self._signature(here)
        for each in reversed(rest):
            done = self._joined(done, self._signature(each.right), each)
        return done

    def _joined(self, left: Canvas, right: Any, node: ast.AST) -> Canvas:
        if left.size + getattr(right, "size", 0) > MAX_PARTS:
            raise Refused("canvas-too-large", node, f"more than {MAX_PARTS:,} signatures are not explained")
        try:
            return made.either(left, right, self._note)
        except (ValueError, AttributeError) as error:
            raise Refused("canvas-form", node, f"these cannot be joined: {error}"[:200]) from None

    def _call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute) and node.func.attr in (*METHODS, "get", "skew"):
            target = self._value(node.func.value)
            if isinstance(target, TaskName) and node.func.attr in CONSTRUCTORS and self._celery(target, node):
                return self._construct(node.func.attr, node)
            return self._method(target, node.func.attr, node.func.value, node)
        if isinstance(node.func, ast.Name) and node.func.id == "range" and "range" not in self.names:
            return self._range(node)
        target = self._value(node.func)
        if isinstance(target, TaskName):
            word = target.path.rpartition(".")[2]
            if word in CONSTRUCTORS and not target.local:
                return self._construct(word, node)
            hint = f"Write {word[:60]}.s(...) for a signature." if not target.path.endswith(".delay") else READ
            raise Refused("canvas-form", node, f"`{target.path[:60]}(...)` would be called: nothing is", hint)
        if isinstance(target, Canvas):
            if target.kind == "chord" and target.body is None and len(node.args) == 1 and not node.keywords:
                return Started(target.but(body=self._signature(node.args[0])))
            return self._start(target, node, *self._arguments(node))
        raise Refused("canvas-form", node, "this cannot be called", READ)

    def _celery(self, target: TaskName, node: ast.Call) -> bool:
        """Whether `x.group(...)` or `x.signature(...)` is Celery's own, and not a task's method."""
        word = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        named = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        return word not in ("signature", "subtask") or named

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        """Arguments as literals."""
        args = [self._pure(each, part) for part in node.args for each in self._elements(part)]
        return args, {self._word(each): self._literal(each.value) for each in node.keywords}

    def _word(self, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            raise Refused("canvas-form", keyword.value, "`**` is not read", "Write the names out.")
        return keyword.arg

    def _range(self, node: ast.Call) -> list[int]:
        args = [self._literal(each) for each in node.args]
        if node.keywords or not 1 <= len(args) <= 3 or not all(type(each) is int for each in args) or args[2:] == [0]:
            raise Refused("canvas-form", node, "range takes one to three whole numbers")
        start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        if abs(stop - start) // abs(step) > MAX_PARTS:
            raise Refused("canvas-too-large", node, f"a range of more than {MAX_PARTS:,} numbers is not read")
        return list(range(start, stop, step))

    def _construct(self, word: str, node: ast.Call) -> Canvas:
        if word in ("signature", "subtask"):
            return self._named(node)
        if word == "chord":
            return self._chord(node)
        if node.keywords:
            hint = f"Write {word}(...).set({node.keywords[0].arg or 'queue'}=...)."
            raise Refused("canvas-form", node.keywords[0].value, f"options in {word}(...) are not read", hint)
        parts, single = self._parts(node)
        if word == "group":
            if single and parts[0].kind == "group":
                self._note("opened", parts[0])
                return made.group(parts[0].parts)
            return made.group(parts)
        if single:
            return made.chain_of_one(parts[0])
        if sum(each.size for each in parts) > MAX_PARTS:
            raise Refused("canvas-too-large", node, f"more than {MAX_PARTS:,} signatures are not explained")
        try:
            return made.chain(parts, self._note)
        except ValueError as error:
            raise Refused("canvas-form", node, f"these cannot be joined: {error}") from None

    def _parts(self, node: ast.Call) -> tuple[list[Canvas], bool]:
        """The signatures that a chain or group is made of, and whether it is one that stands alone, in no list."""
        if len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
            found = self._value(node.args[0])
            if isinstance(found, list):
                return [self._part(each, node.args[0]) for each in found], False
            return [self._signature(node.args[0])], True
        if all(not isinstance(each, ast.Starred) for each in node.args):
            return [self._signature(each) for each in node.args], False
        parts = [self._part(each, part) for part in node.args for each in self._elements(part)]
        return parts, len(parts) == 1

    def _part(self, found: Any, node: ast.expr) -> Canvas:
        if isinstance(found, Canvas):
            return found
        what = found.path[:60] if isinstance(found, TaskName) else ""
        hint = f"Write {what}.s()." if what else "For example: task.s(1)."
        raise Refused("canvas-form", node, "here signatures are needed", hint)

    def _chord(self, node: ast.Call) -> Canvas:
        named = {self._word(each): each.value for each in node.keywords}
        both = [*node.args, *(named.pop(word) for word in ("header", "body")[len(node.args) :] if word in named)]
        if named or not 1 <= len(both) <= 2 or any(isinstance(each, ast.Starred) for each in both):
            raise Refused("canvas-form", node, "a chord is chord(header, body) or chord(header)(body)", READ)
        found = self._value(both[0])
        listed = isinstance(found, list)
        header = [self._part(each, both[0]) for each in found] if listed else self._signature(both[0])
        return made.chord(header, self._signature(both[1]) if len(both) > 1 else None, self._note)

    def _named(self, node: ast.Call) -> Canvas:
        """`signature("name", args=, kwargs=, immutable=, options=, …)`."""
        if not node.args or not isinstance(name := self._value(node.args[0]), str):
            raise Refused(
                "canvas-form", node, "signature takes the name of a task first", 'signature("shop.add", (1,))'
            )
        rest = ast.Call(node.func, node.args[1:], node.keywords)
        return self._of_task(name, ast.copy_location(rest, node), node.args[0])

    def _of_task(self, name: str, node: ast.Call, where: ast.expr) -> Canvas:
        args, given = self._arguments(node)
        known = dict(zip(("args", "kwargs", "options"), args, strict=False)) | given
        own = {word: known.pop(word, None) for word in ("args", "kwargs", "options", "immutable")}
        for word, kind in (("args", list), ("kwargs", dict), ("options", dict)):
            if own[word] is not None and not isinstance(own[word], kind):
                raise Refused("canvas-form", node, f"`{word}` of a signature is a {kind.__name__}", READ)
        options = {**(own["options"] or {}), **self._options(known, node)}
        found = made.task(self.known.task(name, where), own["args"] or (), own["kwargs"] or {})
        return made.set_options(replace(found, immutable=bool(own["immutable"])), options)

    def _options(self, options: Mapping[str, Any], node: ast.AST) -> Mapping[str, Any]:
        for word in options:
            if word in ("link", "link_error", "chain", "chord", "headers"):
                raise Refused("canvas-form", node, f"the option {word} is not read here", f"Use .{word}(...).")
        return options

    def _method(self, target: Any, word: str, owner: ast.expr, node: ast.Call) -> Any:
        if isinstance(target, Started):
            if word == "get":
                self.waits = (node.lineno, self._column(node))
                return target
            raise Refused("canvas-form", node, "what follows the start is not read", READ)
        if isinstance(target, TaskName):
            return self._of_name(target, word, owner, node)
        if not isinstance(target, Canvas) or word not in METHODS:
            raise Refused("canvas-form", node, f"`.{word}` is not read here", READ)
        match word:
            case "set":
                _, options = self._without_args(node)
                immutable = options.pop("immutable", None)
                found = made.set_options(target, self._options(options, node))
                return self._changed(owner, found if immutable is None else made.set_immutable(found, bool(immutable)))
            case "link" | "link_error" | "on_error":
                return self._linked(target, word, owner, node)
            case "clone":
                args, named = self._arguments(node)
                rest = dict(zip(("args", "kwargs"), args, strict=False)) | named
                first, more = rest.pop("args", None) or [], rest.pop("kwargs", None) or {}
                if not isinstance(first, list) or not isinstance(more, dict):
                    raise Refused("canvas-form", node, "clone takes a list and a mapping", READ)
                return made.partial(target, first, more, self._options(rest, node))
            case "s" | "si" | "signature" | "subtask" | "map" | "starmap" | "chunks":
                raise Refused("canvas-form", node, f"`.{word}` belongs to a task, not to a signature", READ)
            case "group":
                if target.kind != "chunks":
                    raise Refused("canvas-form", node, "only chunks(...) has `.group()`", READ)
                return made.parts_of_chunks(target)
            case "delay":
                return self._start(target, node, *self._arguments(node))
            case "apply_async":
                args, named = self._arguments(node)
                rest = dict(zip(("args", "kwargs"), args, strict=False)) | named
                first, more = rest.pop("args", None) or [], rest.pop("kwargs", None) or {}
                if rest or not isinstance(first, list) or not isinstance(more, dict):
                    hint = "Put them on the signatures: .set(queue=...)."
                    raise Refused("canvas-form", node, "options of apply_async are not read", hint)
                return self._start(target, node, first, more)
        raise Refused("canvas-form", node, f"`.{word}` is not read here", READ)

    def _without_args(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        args, named = self._arguments(node)
        if args:
            raise Refused("canvas-form", node, "this takes names with values only", ".set(queue='slow')")
        return args, named

    def _start(self, canvas: Canvas, node: ast.AST, args: list[Any], kwargs: Mapping[str, Any]) -> Started:
        return Started(made.partial(canvas, args, kwargs, {}) if args or kwargs else canvas)

    def _linked(self, target: Canvas, word: str, owner: ast.expr, node: ast.Call) -> Canvas:
        if len(node.args) != 1 or node.keywords:
            raise Refused("canvas-form", node, f"{word} takes one signature", READ)
        callback = self._signature(node.args[0])
        try:
            found = made.link(target, callback) if word == "link" else made.link_error(target, callback)
        except ValueError as error:
            raise Refused("canvas-form", node, f"nothing can be linked to {error}") from None
        self._changed(owner, self._bounded(found, owner))
        if word == "on_error":
            return found
        if not isinstance(owner, ast.Name):
            where = place(self.lines, node)
            message = f".{word}(...) returns what was linked, so that this part is the callback alone"
            hint = "Give the signature a name, and link on a line of its own" + (
                "; or write .on_error(...)." if word == "link_error" else "."
            )
            self.report.add("link-returns-callback", where, message, hint, severity="warning")
        return callback

    def _changed(self, owner: ast.expr, found: Canvas) -> Canvas:
        """Celery changes a signature where it stands: a name that has it has the changed one from now on."""
        if isinstance(owner, ast.Name) and owner.id in self.names:
            if owner.id in self.used:
                message = f"`{owner.id[:60]}` is changed after it was used"
                hint = "In Celery that changes some of its uses and not others: change it before."
                raise Refused("canvas-form", owner, message, hint)
            self.names[owner.id] = found
        return found

    def _of_name(self, target: TaskName, word: str, owner: ast.expr, node: ast.Call) -> Any:
        if word in ("signature", "subtask"):
            return self._of_task(self.known.task(target.path, owner), node, owner)
        if word not in ("s", "si", "delay", "apply_async", "map", "starmap", "chunks"):
            raise Refused("canvas-form", node, f"`{target.path[:60]}.{word}` is not read", "Write task.s(...) first.")
        name = self.known.task(target.path, owner)
        args, kwargs = self._arguments(node)
        match word:
            case "s" | "si":
                return made.task(name, args, kwargs, immutable=word == "si")
            case "delay":
                return Started(made.task(name, args, kwargs))
            case "apply_async":
                rest = dict(zip(("args", "kwargs"), args, strict=False)) | kwargs
                first, more = rest.pop("args", None) or [], rest.pop("kwargs", None) or {}
                if isinstance(first, list) and isinstance(more, dict):
                    return Started(made.set_options(made.task(name, first, more), self._options(rest, node)))
            case "map" | "starmap":
                if len(args) == 1 and not kwargs and isinstance(args[0], list):
                    return made.items(f"celery.{word}", made.task(name), args[0])
            case "chunks":
                count = args[1] if len(args) == 2 else kwargs.get("n")
                if args and isinstance(args[0], list) and type(count) is int and count > 0:
                    return made.items("celery.chunks", made.task(name), args[0], n=count)
        hint = "chunks(list, number)" if word == "chunks" else "map([1, 2, 3])"
        raise Refused("canvas-form", node, f"`.{word}` takes a literal list", hint)
