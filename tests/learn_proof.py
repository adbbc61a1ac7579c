"""`make learn-proof`: a lesson (9, if none is named) again and again on one stack, and whether all its claims held.

Lesson 9 is the one that has to reproduce what Celery loses, and what Umbel recovers, ten times of ten.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.learners import run_all, until_recorded
from tests.stacks import await_worker
from umbel.client import Client
from umbel.learn.lessons import find, lessons
from umbel.stack.options import demo_options
from umbel.stack.run import run_stack


def main() -> None:
    """Take it so many times; exit status 1 if anything did not hold."""
    parser = argparse.ArgumentParser("python -m tests.learn_proof", description=__doc__)
    parser.add_argument("--lesson", default="9", help="number or name; `all` for each of them")
    parser.add_argument("--times", type=int, default=10)
    asked = parser.parse_args()
    chosen = lessons() if asked.lesson == "all" else (find(asked.lesson),)
    held: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        options = demo_options(port=0, data=Path(folder))
        with run_stack(options, lambda line: None) as stack, Client(stack.urls.server) as client:
            for number in range(1, asked.times + 1):
                for lesson in chosen:
                    await_worker(stack, client)
                    since = time.monotonic()
                    runs = run_all(client, lesson)
                    check = until_recorded(lambda: client.check_lesson(lesson.slug, {}, runs))  # noqa: B023
                    held.update(f"{lesson.slug} {each.name}" for each in check.claims if each.holds)
                    missed = [each.name for each in check.claims if not each.holds]
                    said = ", ".join(missed) or "all claims hold"
                    print(f"{number:3} {lesson.slug}: {said} ({time.monotonic() - since:.0f} s)", flush=True)
    for lesson in chosen:
        for name in lesson.machine.claims:
            print(f"{held[f'{lesson.slug} {name}']:3} of {asked.times}  {lesson.slug} {name}")
    sys.exit(any(held[f"{each.slug} {name}"] < asked.times for each in chosen for name in each.machine.claims))


if __name__ == "__main__":
    main()
