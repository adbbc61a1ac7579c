"""A real RabbitMQ for tests: a node of its own, with its own epmd, in a folder of its own, on loopback only."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu
import pytest
from amqp.exceptions import AMQPError

from tests.postgres import ends_with_the_tests, unprivileged
from tests.waiting import wait_until
from umbel.stack.ports import free_ports

# Not the one in PATH: Debian's wrapper there changes user and folder.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{port}
disk_free_limit.absolute = 1MB
log.file.level = warning
"""


class RabbitMQ:
    """A node that runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as_user = unprivileged("rabbitmq")
        port, distribution, epmd = free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        (folder / "rabbitmq.conf").write_text(CONFIG.format(port=port))
        (folder / "plugins").write_text("[].\n")
        for path in (folder, *folder.iterdir()):
            if self._as_user:
                os.chown(path, self._as_user["user"], self._as_user["group"])
        self._env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),  # the Erlang cookie
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "umbel@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # Erlang's schedulers spin for work that may come; a machine of two cores has better to do.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"
            " -kernel inet_dist_use_interface {127,0,0,1}",
        }
        # In the foreground, or Erlang starts one that nobody ends.
        self._epmd = self._popen(["epmd"])
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def _popen(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with (self._folder / "out").open("ab") as out:
            return subprocess.Popen(
                command,
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=ends_with_the_tests,
                **self._as_user,
            )

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._node = self._popen([str(SERVER)])
        wait_until(self._answers, 90, "answer of RabbitMQ")

    def _answers(self) -> bool:
        assert self._node.poll() is None, (self._folder / "out").read_text()
        try:
            with kombu.Connection(self.url, connect_timeout=5) as connection:
                connection.connect()
        except (OSError, AMQPError):
            return False
        return True

    def stop(self) -> None:
        """As its service is stopped; connections are cut off.

        Not kill -9: RabbitMQ 3.10 then comes back with quorum queues that do not answer, where they had been declared
        moments before.
        """
        os.killpg(self._node.pid, signal.SIGTERM)
        self._node.wait(60)

    def close(self) -> None:
        """Stop it for good."""
        for process in (self._node, self._epmd):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)


@contextmanager
def running_rabbitmq() -> Iterator[RabbitMQ]:
    """A node of its own; the test is skipped where there is none."""
    if not SERVER.exists():
        pytest.skip("no RabbitMQ server here (on Debian and Ubuntu: apt install rabbitmq-server)")
    # Not below pytest's folders, which the node's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="umbel-mq-"))
    node = None
    try:
        node = RabbitMQ(folder)
        yield node
    finally:
        if node:
            node.close()
        shutil.rmtree(folder, ignore_errors=True)
