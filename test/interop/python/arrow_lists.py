"""Reads a list as an Arrow stream with pyarrow, Polars and DuckDB: rows, sum of sizes and least path of each, as JSON."""

import json
import sys
import urllib.request

import duckdb
import polars
import pyarrow.ipc

url, body = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
headers = {"accept": "application/vnd.apache.arrow.stream", "content-type": "application/json"}
request = urllib.request.Request(url, data=body.encode() if body else None, headers=headers)
data = urllib.request.urlopen(request).read()

table = pyarrow.ipc.open_stream(data).read_all()
frame = polars.read_ipc_stream(data)
files = table
found = {
    "pyarrow": [table.num_rows, sum(table["size"].to_pylist()), min(table["path"].to_pylist())],
    "polars": [frame.height, frame["size"].sum(), frame["path"].min()],
    "duckdb": list(duckdb.sql("select count(*), sum(size)::bigint, min(path) from files").fetchone()),
    "partitions": sorted({str(dict(values)) for values in table["partitionValues"].to_pylist()}),
}
print(json.dumps(found))
