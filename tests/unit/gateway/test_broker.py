import socket
import sys

import pytest

from gateway.broker import BrokerError, check_bind, main, running


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_may_be_bound(host: str) -> None:
    check_bind(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", ""])
def test_any_other_address_is_refused_with_a_way_out(host: str) -> None:
    with pytest.raises(BrokerError, match=r"--mqtt-url \(docs/mqtt\.md\)"):
        check_bind(host)


def test_a_refused_address_ends_the_command_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bind", "0.0.0.0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(BrokerError, match=f"broker on 127.0.0.1:{port} not started: .*in use"),
            running(port),
        ):
            pass


def test_it_ends_when_its_standard_input_closes() -> None:
    with running() as broker:
        assert broker.process.poll() is None
        with socket.create_connection(("127.0.0.1", broker.ports.public)):
            pass
        process = broker.process
    assert process.returncode == 0
    assert sys.executable in process.args  # type: ignore[operator]
