"""Writes a data file as a real writer does: data.py FILE FIRST COUNT gives rows with ids FIRST … FIRST+COUNT-1."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
pq.write_table(pa.table({"id": pa.array(range(first, first + count), pa.int64())}), path)
