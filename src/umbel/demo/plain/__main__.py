"""Plays one scene."""

import argparse
import json
import os
import sys

from umbel.demo.plain.tied import tie


def main() -> None:
    """Play it, and end with what came of it."""
    parser = argparse.ArgumentParser("python -m umbel.demo.plain", description=__doc__)
    parser.add_argument("scene")
    parser.add_argument("--id", required=True, help="under which its messages are recorded")
    parser.add_argument("--broker", required=True, help="URL of a database that is emptied")
    parser.add_argument("--results", required=True, help="URL of another one")
    parser.add_argument("--options", type=json.loads, default={}, help="JSON")
    asked = parser.parse_args()
    tie()
    os.environ |= {"PLAIN_BROKER": asked.broker, "PLAIN_RESULTS": asked.results}
    os.environ |= {"PLAIN_RUN": asked.id, "PLAIN_SCENE": f"plain.{asked.scene}"}

    # What follows reads the environment when it is imported; so do the workers.
    from umbel.demo.plain.scenes import SCENES, configuration

    os.environ["PLAIN_CONF"] = json.dumps(configuration(asked.options))
    from umbel.celery.xray import end_plain, record_plain
    from umbel.demo.plain.app import app
    from umbel.demo.plain.stage import stage

    app.conf.update(configuration(asked.options))
    record_plain(asked.id, f"plain.{asked.scene}")
    with stage() as found:
        try:
            outcome = SCENES[asked.scene](found, asked.options)
        except RuntimeError as error:
            end_plain(asked.id, "error")
            words = " | ".join(found.last_words())
            sys.exit(f"{error}. {words}" if words else str(error))
    end_plain(asked.id, "success")
    print(json.dumps({"outcome": outcome}), flush=True)
    os._exit(0)  # Celery's results that are left would still unsubscribe, in a Python that has ended


if __name__ == "__main__":
    main()
