"""How queues look, and what definitions have been."""

from umbel.cli.output import columns, say
from umbel.cli.side import plan_change
from umbel.cli.words import count, local
from umbel.service.models import QueueList, VersionDetail, VersionList


def queues(found: QueueList) -> None:
    """What waits where, and why it is not taken."""
    rows = [["QUEUE", "WAITING", "SINCE", "IN BROKER", "FETCHED", "RUNNING", "WORKERS", "DEFINITIONS"]]
    for each in found.items:
        rows.append(
            [
                each.name,
                str(each.waiting),
                local(each.oldest) if each.oldest else "",
                _known(each.messages),
                _known(each.unacknowledged),
                f"{each.running} of {each.slots}" if each.slots else str(each.running),
                str(len(each.workers)),
                str(len(each.definitions)),
            ]
        )
    columns(rows)
    for each in found.items:
        if each.why:
            say(f"{each.name}: {'' if each.healthy else 'unhealthy: '}{each.why}")
    if found.broker:
        say(f"what the broker holds is not known: {found.broker}")


def _known(number: int | None) -> str:
    return "?" if number is None else str(number)


def versions(found: VersionList) -> None:
    """What a definition has been."""
    if not found.items:
        say("it cannot be started, and no run of it is in the history")
        return
    rows = [["VERSION", "FIRST USED", "LAST USED", "TASKS", "RUNS"]]
    for each in found.items:
        runs = ", ".join(f"{number} {state}" for state, number in sorted(each.runs.items()))
        name = each.version[:12] + (" (now)" if each.current else "")
        rows.append([name, local(each.first_used), local(each.last_used), str(each.tasks), runs or "none yet"])
    columns(rows)
    if found.more:
        say(f"of its newest {count(found.counted, 'run')}; there are older ones")


def version(found: VersionDetail) -> None:
    """One version, and how it became so."""
    say(f"{found.definition} {found.version}: {count(found.tasks, 'task')}")
    if found.change is None or found.against is None:
        say("no version before it is known")
    elif found.change.same:
        say("both are the same")
    else:
        say(f"since {found.against[:12]}:")
        plan_change(found.change)
