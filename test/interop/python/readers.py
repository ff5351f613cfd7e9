"""Delta readers in Python: each takes a folder, a version (None for the newest) and a filter, and gives a pyarrow table."""

import contextlib
import datetime
import os
import pathlib
import re
import shutil
import tempfile

import pyarrow as pa


def literal(where):
    """The filter's values as Python values of their type."""
    kind = where.get("type", "string")
    convert = {
        "string": str,
        "long": int,
        "date": datetime.date.fromisoformat,
        "instant": lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")),
        "local": datetime.datetime.fromisoformat,
    }[kind]
    return [convert(value) for value in where.get("values", [])]


def sql_where(where):
    """The filter in the SQL of DataFusion and DuckDB."""
    if where is None:
        return ""
    column = '"' + where["column"].replace('"', '""') + '"'
    types = {"string": "", "long": "", "date": "DATE ", "instant": "TIMESTAMPTZ ", "local": "TIMESTAMP "}

    def text(value):
        return str(value) if where["type"] == "long" else types[where["type"]] + "'" + value.replace("'", "''") + "'"

    values = [text(value) for value in where.get("values", [])]
    op = where["op"]
    if op == "in":
        return f" WHERE {column} IN ({', '.join(values)})"
    if op in ("is null", "is not null"):
        return f" WHERE {column} {op.upper()}"
    return f" WHERE {column} {op} {values[0]}"


def expression(column, where):
    """The filter in an expression API that looks like that of Polars."""
    op, values = where["op"], literal(where)
    if op == "in":
        return column.is_in(values)
    if op == "is null":
        return column.is_null()
    if op == "is not null":
        return ~column.is_null()
    return {"=": column.__eq__, "<>": column.__ne__, "<": column.__lt__, ">": column.__gt__}[op](values[0])


def delta_rs(path, version, where):
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(path, version=version)
    return pa.table(QueryBuilder().register("t", table).execute(f"SELECT * FROM t{sql_where(where)}").read_all())


def delta_rs_pyarrow(path, version, where):
    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    dataset = DeltaTable(path, version=version).to_pyarrow_dataset()
    if where is None:
        return dataset.to_table()
    field = ds.field(where["column"])
    if where["op"] == "in":
        return dataset.to_table(filter=field.isin(literal(where)))
    return dataset.to_table(filter=expression(field, where))


def polars(path, version, where):
    import polars as pl

    frame = pl.scan_delta(path, version=version)
    if where is not None:
        frame = frame.filter(expression(pl.col(where["column"]), where))
    return frame.collect().to_arrow()


def daft(path, version, where):
    import daft as engine

    frame = engine.read_deltalake(path, version=version)
    if where is not None:
        frame = frame.where(expression(engine.col(where["column"]), where))
    return frame.to_arrow()


def open_duckdb():
    """A DuckDB with its delta extension, loaded as a file: nothing is installed into the user's home, nothing downloaded."""
    import duckdb as engine
    import duckdb_extension_delta as package

    connection = engine.connect()
    extension = pathlib.Path(package.__path__[0], "extensions", f"v{engine.__version__}", "delta.duckdb_extension")
    connection.execute(f"LOAD '{extension}'; SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


_duckdb = None


def duckdb(path, version, where):
    global _duckdb
    if _duckdb is None:
        _duckdb = open_duckdb()
    at = "" if version is None else f", VERSION {version}"
    quoted = path.replace("'", "''")
    _duckdb.execute(f"ATTACH '{quoted}' AS lake (TYPE delta{at})")
    try:
        return _duckdb.execute(f"SELECT * FROM lake{sql_where(where)}").to_arrow_table()
    finally:
        _duckdb.execute("DETACH lake")


def kernel_rs(path, version, where):
    if where is not None:
        raise NotImplementedError("this wrapper of the kernel takes no filter")
    import delta_kernel_rust_sharing_wrapper as kernel

    with as_of(path, version) as folder:
        url = pathlib.Path(folder).as_uri() + "/"
        interface = kernel.PythonInterface(url)
        snapshot = kernel.Table(url).snapshot(interface)
        return kernel.ScanBuilder(snapshot).build().execute(interface).read_all()


@contextlib.contextmanager
def as_of(path, version):
    """A view of the table whose log ends at a version, for readers that know the newest only. Data files are links."""
    if version is None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(path):
            if name != "_delta_log":
                os.symlink(os.path.join(path, name), os.path.join(folder, name))
        log = os.path.join(path, "_delta_log")
        os.mkdir(os.path.join(folder, "_delta_log"))
        for name in os.listdir(log):
            known = re.match(r"(\d{20})\.", name)
            if (known and int(known[1]) <= version) or name == "_sidecars":
                os.symlink(os.path.join(log, name), os.path.join(folder, "_delta_log", name))
        hint = os.path.join(log, "_last_checkpoint")
        if os.path.exists(hint):
            text = pathlib.Path(hint).read_text()
            found = re.search(r'"version"\s*:\s*(\d+)', text)
            if found and int(found[1]) <= version:
                shutil.copy(hint, os.path.join(folder, "_delta_log"))
        yield folder


READERS = {
    "delta-rs": delta_rs,
    "delta-rs (pyarrow)": delta_rs_pyarrow,
    "Polars": polars,
    "Daft": daft,
    "DuckDB": duckdb,
    "kernel-rs": kernel_rs,
}
