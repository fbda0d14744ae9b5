"""Where MLflow is: its address as given or by default, checked; and the first making of an SQLite file.

A new SQLite file is made whole in a temporary folder and then linked into place, so a kill leaves none and of several
processes that make it at once the first one's counts. What a killed one leaves beside it is removed once it is there.
"""

import os
import re
import secrets
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import sqlalchemy
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from cluster.temporary import place, temporary
from stages.errors import TrackingError, masked
from stages.home import home

VARIABLE = "MLFLOW_TRACKING_URI"
CONNECT_SECONDS = 10  # MLflow itself tries a database that does not answer for 100 s, a server for minutes
PORTS = {"http": 80, "https": 443}
DATABASES = {  # the package of a driver, and how an address names it: SQLAlchemy's default may be another one
    "sqlite": ("", ""),
    "postgresql": ("diffprog[server]", "postgresql+psycopg2"),
    "mysql": ("pymysql", "mysql+pymysql"),
    "mssql": ("pyodbc", "mssql+pyodbc"),
}


def address() -> str:
    """MLFLOW_TRACKING_URI, or an SQLite file in the project's folder (where `mlflow ui` looks, too).

    MLflow prints and stores the address of a server, so a user and password in it go where it never prints them.
    Raises TrackingError where the address can't be read, or in more than one way.
    """
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines for each run
    given = os.environ.get(VARIABLE) or _default()
    _, scheme_ends, rest = given.partition("://")
    authority = rest[: min(rest.find(sign) if sign in rest else len(rest) for sign in "/?#")]
    if scheme_ends and authority and "@" in rest and (rest.count("@") > 1 or "@" not in authority):
        raise TrackingError(
            f"{VARIABLE}: {masked(given)}: more than one '@', or one after the host; in a user, a password or a path "
            "write %40 for '@', %2F for '/', %3F for '?' and %23 for '#'"
        )
    try:
        parts = urlsplit(given)
        if parts.scheme in PORTS and (parts.hostname is None or parts.port == 0):
            raise ValueError("no host" if parts.hostname is None else "no port 0")
    except ValueError as error:
        raise TrackingError(f"{VARIABLE}: {masked(given)}: {error}") from error
    if parts.scheme not in PORTS or "@" not in parts.netloc:
        return given
    who, _, host = parts.netloc.rpartition("@")
    user, colon, password = who.partition(":")
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
    if colon:
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
    os.environ[VARIABLE] = urlunsplit(parts._replace(netloc=host))
    return os.environ[VARIABLE]


def _default() -> str:
    """The address of mlflow.db. In an address '?' and '%' are signs of their own, so a path with one is relative."""
    path = (home() / "mlflow.db").resolve()
    shown = str(path) if not {"?", "%"} & set(str(path)) else os.path.relpath(path)
    if {"?", "%"} & set(shown):
        raise TrackingError(f"{path}: MLflow takes no '?' or '%' in a path; rename the folder, or set {VARIABLE}")
    return f"sqlite:///{shown}"


def artifact_place(uri: str) -> str | None:
    """Where the artifacts of a new experiment go: `mlruns` beside an SQLite file, for other databases in the project's
    folder; None where a server decides.
    """
    if urlsplit(uri).scheme in PORTS:
        return None
    path = sqlite_file(make_url(uri))
    return ((path.parent if path else home()).resolve() / "mlruns").as_uri()


def prepare(uri: str, make: Callable[[str], object]) -> None:
    """Have a server or database there that takes connections, an SQLite file made by `make` (which is given an address)
    if there is none. Raises TrackingError in one line, within seconds.
    """
    if urlsplit(uri).scheme in PORTS:
        _connect_server(uri, urlsplit(uri))
    if urlsplit(uri).scheme.partition("+")[0] not in DATABASES:
        return
    try:
        url = make_url(uri)
        path = sqlite_file(url)
        if path is None:
            _connect(url)
        else:
            if not path.exists():
                _make(path, make)
            _remove_parts(path)
            _readable(path)
    except (ArgumentError, NoSuchModuleError) as error:
        raise TrackingError(f"{VARIABLE}: {masked(uri)}: {one_line(error)}") from error
    except ImportError as error:
        package, scheme = DATABASES[url.get_backend_name()]
        raise TrackingError(
            f"MLflow at {masked(uri)}: the driver {error.name!r} is not installed; `pip install '{package}'` has the "
            f"one of {scheme}://"
        ) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(masked(f"MLflow at {uri}: {one_line(error)}")) from error


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite address; None for other databases, one in memory, and addresses with options."""
    named = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:") and not url.query
    return Path(str(url.database)) if named else None


def one_line(error: Exception) -> str:
    """What an error says, without the SQL and the links that SQLAlchemy adds."""
    said = " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__
    return said.partition(" [SQL:")[0].partition(" (Background on this error")[0]


def _connect_server(uri: str, parts: SplitResult) -> None:
    """Raises TrackingError where no server takes connections. Behind a proxy only requests show that."""
    host = str(parts.hostname)
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return
    try:
        socket.create_connection((host, parts.port or PORTS[parts.scheme]), CONNECT_SECONDS).close()
    except OSError as error:
        raise TrackingError(f"MLflow at {masked(uri)}: {error.strerror or error}") from error


def _connect(url: URL) -> None:
    limited = url.get_backend_name() in ("postgresql", "mysql")
    engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS} if limited else {})
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _readable(path: Path) -> None:
    """Raises TrackingError where a file is no SQLite database. Writing is allowed, as SQLite undoes what a killed
    process left half written.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=20)) as database:
        try:
            database.execute("select name from sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise TrackingError(f"{path}: not an SQLite database; move it away, or set {VARIABLE}") from error


def half_made(uri: str, error: Exception) -> TrackingError:
    """The error to raise where MLflow can't bring the tables of a database to its version."""
    path = sqlite_file(make_url(uri))
    if path is None:
        return TrackingError(masked(f"MLflow at {uri}: {one_line(error)}"))
    return TrackingError(
        f"{path}: MLflow's tables are incomplete ({one_line(error)}), as a kill while they were made leaves them; "
        "move the file away and run this again"
    )


def _make(path: Path, make: Callable[[str], object]) -> None:
    """Make a database at a path that is free, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with temporary(place()[0]) as folder:
        whole = folder / "mlflow.db"
        make(f"sqlite:///{whole}")
        try:
            with aside.open("xb") as file:
                file.write(whole.read_bytes())
                file.flush()
                os.fsync(file.fileno())
            _publish(aside, path)
        finally:
            aside.unlink(missing_ok=True)


def _publish(aside: Path, path: Path) -> None:
    """Give a file its name, unless another has it by now."""
    try:
        os.link(aside, path)
    except OSError:  # it is there, or the file system has no hard links
        if not path.exists():
            aside.rename(path)


def _remove_parts(path: Path) -> None:
    """Remove what killed processes left of a database that is there now: who still makes one finds this one instead."""
    part = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for left in path.parent.iterdir():
        if part.fullmatch(left.name):
            left.unlink(missing_ok=True)
