"""The fixtures that every test may ask for; `tests/conftest.py` loads them.

Servers live as long as the test session (one of each for each xdist worker); what a test changes in them is its own:
a new database, a new mailbox, a new sink.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ports
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.dovecot import DovecotServer, Mailbox, running_dovecot
from tests.servers.gateway import GatewayProcess, make_gateway_folder
from tests.servers.postfix import PostfixServer, running_postfix
from tests.servers.postgres import PostgresServer, running_postgres
from tests.servers.prepared import prepared_postgres, prepared_sqlite
from tests.servers.sink import Sink, SinkOptions
from tests.servers.token_server import TokenServer

__all__ = ["prepared_postgres", "prepared_sqlite"]


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that servers under other users may enter (pytest's own are for our user alone)."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-servers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    ports.release_ports()


@pytest.fixture(scope="session")
def certificates(server_folder: Path) -> Certificates:
    return make_certificates(server_folder / "certificates")


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL server; most tests want `postgres_url` or `database_url` instead."""
    folder = server_folder / "postgres"
    folder.mkdir()
    with running_postgres(folder) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'gateway.sqlite'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: a test that asks for it runs on SQLite and on PostgreSQL."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(scope="session")
def dovecot(server_folder: Path, certificates: Certificates) -> Iterator[DovecotServer]:
    folder = server_folder / "dovecot"
    folder.mkdir()
    with running_dovecot(folder, certificates) as server:
        yield server


@pytest.fixture
def token_server(dovecot: DovecotServer) -> Iterator[TokenServer]:
    """A token server that gives tokens, and that Dovecot (and Postfix through it) believes."""
    with TokenServer(port=dovecot.token_port) as server:
        yield server


@pytest.fixture
def mailbox(dovecot: DovecotServer) -> Mailbox:
    """An empty IMAP mailbox of this test's own."""
    return dovecot.new_mailbox()


@pytest.fixture
def new_sink() -> Iterator[Callable[..., Sink]]:
    """Start a sink with options of your own: `new_sink(user="u", password="p", port=…)`."""
    started: list[Sink] = []

    def start(*, port: int | None = None, **options: Any) -> Sink:
        sink = Sink(port=port, options=SinkOptions(**options)).start()
        started.append(sink)
        return sink

    yield start
    for sink in started:
        sink.stop()


@pytest.fixture
def sink(new_sink: Callable[..., Sink]) -> Sink:
    """An SMTP server that keeps what it gets; fails when told to."""
    return new_sink()


@pytest.fixture(scope="session")
def shared_postfix(server_folder: Path, dovecot: DovecotServer) -> Iterator[PostfixServer]:
    """The Postfix of the session; a test asks for `postfix`."""
    folder = server_folder / "postfix"
    folder.mkdir()
    with running_postfix(folder, dovecot) as server:
        yield server


@pytest.fixture
def postfix(shared_postfix: PostfixServer) -> Iterator[PostfixServer]:
    """A Postfix with an empty queue."""
    yield shared_postfix
    shared_postfix.forget_queue()


@pytest.fixture
def postfix_sink(postfix: PostfixServer, new_sink: Callable[..., Sink]) -> Sink:
    """The rest of the world behind Postfix: what it relays comes here."""
    return new_sink(port=postfix.sink_port)


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[Callable[..., GatewayProcess]]:
    """Make a gateway that is not started yet: `new_gateway(env={"GATEWAY_RELAY_HOST": …}).start()`.

    All gateways of one test share one folder, and so one SQLite database, unless `folder` names another.
    """
    made: list[GatewayProcess] = []

    def make(*, folder: Path | None = None, env: dict[str, str] | None = None, **options: Any) -> GatewayProcess:
        place = folder or tmp_path / "desk"
        if not (place / "rules.toml").exists():
            make_gateway_folder(place)
        made.append(GatewayProcess(folder=place, env=env or {}, **options))
        return made[-1]

    yield make
    for process in made:
        process.kill()


@pytest.fixture
def gateway_process(new_gateway: Callable[..., GatewayProcess]) -> GatewayProcess:
    """A running gateway with the shipped policy: SQLite, no relay, SMTP on its own port."""
    return new_gateway().start()


@pytest.fixture
def relayed_gateway(new_gateway: Callable[..., GatewayProcess], sink: Sink) -> GatewayProcess:
    """A running gateway whose relay is the test's `sink`."""
    relay = {"HOST": sink.host, "PORT": str(sink.port), "TLS": "none"}
    return new_gateway(env={f"GATEWAY_RELAY_{key}": value for key, value in relay.items()}).start()
