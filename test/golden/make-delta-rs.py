"""Makes the golden tables of this folder with delta-rs, a real Delta writer. Run it again only to change them on purpose:

    pip install deltalake==1.6.6 pyarrow==26.0.1 && python test/golden/make-delta-rs.py

Each table gets `expected.json`: what delta-rs itself reads from it at every version.
"""

import json
import pathlib
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

HERE = pathlib.Path(__file__).parent
CITIES = ["Zürich", "New York", "São Paulo/Centro", None]


def trips(day, rows):
    return pa.table(
        {
            "id": pa.array([day * 1000 + i for i in range(rows)], pa.int64()),
            "city": pa.array([CITIES[i % 4] for i in range(rows)], pa.string()),
            "day": pa.array([f"2026-01-{day:02d}"] * rows, pa.string()),
            "fare": pa.array([round(3.5 + i * 1.25, 2) for i in range(rows)], pa.float64()),
        }
    )


def describe(path):
    versions = {}
    head = DeltaTable(str(path)).version()
    for version in range(head + 1):
        table = DeltaTable(str(path), version=version)
        files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        versions[version] = {
            "files": len(files),
            "bytes": sum(f["size_bytes"] for f in files),
            "rows": table.to_pyarrow_table().num_rows,
        }
    return {"versions": versions, "head": head}


def make_trips():
    path = HERE / "trips"
    shutil.rmtree(path, ignore_errors=True)
    for day in range(1, 6):
        write_deltalake(
            str(path),
            trips(day, 8),
            mode="append",
            partition_by=["city"],
            configuration={"delta.checkpointInterval": "5"} if day == 1 else None,
            commit_properties=CommitProperties(app_transactions=[Transaction("loader", day)]),
        )
    table = DeltaTable(str(path))
    table.delete("fare < 5")
    table.optimize.compact()
    DeltaTable(str(path)).create_checkpoint()
    write_deltalake(str(path), trips(6, 4), mode="append", partition_by=["city"])
    (path / "expected.json").write_text(json.dumps(describe(path), indent=1) + "\n")
    incoming = HERE / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    pq.write_table(trips(7, 4).filter(pa.array([True, False, False, False])).drop(["city"]), incoming / "trips.parquet")
    pq.write_table(
        pa.table({"trip_id": pa.array([7000], pa.int64()), "checked_by": pa.array(["ana"], pa.string())}),
        incoming / "audit.parquet",
    )


make_trips()
