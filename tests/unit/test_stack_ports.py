"""Free and taken ports."""

import socket

import pytest

from umbel.errors import StackError
from umbel.stack.ports import free_ports, require_free


def test_free_ports_differ_can_be_used_and_are_never_given_to_outgoing_connections() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(port < 32_768 for port in ports)
    for port in ports:
        require_free(port, "--port")


def test_a_taken_port_is_refused_with_its_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError, match=f"^port {port} is taken by another program$") as caught:
            require_free(port, "--model-port")
    assert caught.value.hint == "Choose another with --model-port N, or --model-port 0 for any free one."
