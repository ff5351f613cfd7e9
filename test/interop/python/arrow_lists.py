"""Reads a list as an Arrow stream and as Parquet with pyarrow, Polars and DuckDB: rows, sum of sizes and least path of each, as JSON."""

import json
import sys
import tempfile
import urllib.request

import duckdb
import polars
import pyarrow.ipc
import pyarrow.parquet

url, body = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None


def fetch(accept):
    headers = {"accept": accept, "content-type": "application/json"}
    return urllib.request.urlopen(urllib.request.Request(url, data=body.encode() if body else None, headers=headers)).read()


def looks(table, frame, source):
    return {
        "pyarrow": [table.num_rows, sum(table["size"].to_pylist()), min(table["path"].to_pylist())],
        "polars": [frame.height, frame["size"].sum(), frame["path"].min()],
        "duckdb": list(duckdb.sql(f"select count(*), sum(size)::bigint, min(path) from {source}").fetchone()),
        "partitions": sorted({str(dict(values)) for values in table["partitionValues"].to_pylist()}),
    }


stream = fetch("application/vnd.apache.arrow.stream")
files = pyarrow.ipc.open_stream(stream).read_all()
duckdb.register("files", files)
arrow = looks(files, polars.read_ipc_stream(stream), "files")
with tempfile.NamedTemporaryFile(suffix=".parquet") as kept:
    kept.write(fetch("application/vnd.apache.parquet"))
    kept.flush()
    parquet = looks(pyarrow.parquet.read_table(kept.name), polars.read_parquet(kept.name), f"'{kept.name}'")
print(json.dumps({"arrow": arrow, "parquet": parquet}))
