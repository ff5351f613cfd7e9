"""Makes golden tables with delta-rs, a real Delta writer. Run it again only to change them on purpose:

    bash test/interop/setup.sh && "${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-interop/venv/bin/python" test/golden/make-delta-rs.py [KIND…]

`trips` gets `expected.json`: files, bytes and rows that delta-rs itself counts at every version. The others, in `delta-rs/`,
get `rows.json`: the rows themselves.
"""

import datetime
import decimal
import json
import math
import pathlib
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from golden import fresh, record

from canon import canonical_rows

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


ENGINE = "delta-rs 1.6.6"


def rows_of(path):
    def rows(version):
        table = DeltaTable(str(path), version=version)
        return canonical_rows(pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()))

    return rows


def done(path, held_back=1):
    record(path, rows_of(path), ENGINE, continue_from=DeltaTable(str(path)).version() - held_back)


def append(path, table, **options):
    write_deltalake(str(path), table, mode="append", **options)


def all_types():
    """Every type, with the values at its edges; NaN and Infinity as well, of which statistics cannot speak."""
    path = fresh("delta-rs", "all-types")
    utc, tz = datetime.timezone.utc, "UTC"
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            ("tiny", pa.int8()), ("small", pa.int16()), ("whole", pa.int32()), ("big", pa.int64()),
            ("single", pa.float32()), ("twice", pa.float64()), ("money", pa.decimal128(38, 10)), ("cents", pa.decimal128(9, 2)),
            ("yes", pa.bool_()), ("text", pa.string()), ("raw", pa.binary()), ("day", pa.date32()),
            ("instant", pa.timestamp("us", tz=tz)),
            ("items", pa.list_(pa.int64())),
            ("place", pa.struct([("city", pa.string()), ("spot", pa.struct([("x", pa.float64())]))])),
            ("counts", pa.map_(pa.string(), pa.int64())),
        ]
    )
    at = datetime.datetime
    rows = [
        [1, 127, 32767, 2**31 - 1, 2**63 - 1, 3.4028234663852886e38, 1.7976931348623157e308, "9999999999999999999999999999.9999999999", "9999999.99",
         True, "z" * 40 + "\U0001f600", b"\x00\xff", datetime.date(9999, 12, 31), at(2999, 12, 31, 23, 59, 59, 999999, utc),
         [1, None, 3], {"city": "Zürich", "spot": {"x": 1.5}}, [("a", 1), ("b", None)]],
        [2, -128, -32768, -(2**31), -(2**63), -1.5, 5e-324, "-9999999999999999999999999999.9999999999", "-0.01",
         False, "", b"", datetime.date(1, 1, 1), at(1900, 1, 1, 0, 0, 0, 1, utc), [], {"city": None, "spot": None}, []],
        [3, 0, 0, 0, 9007199254740993, math.nan, math.nan, "0", "0", None, "NaN\n\t\"'\\", b"PAR1", datetime.date(1970, 1, 1),
         at(1969, 12, 31, 23, 59, 59, 999999, utc), [2**62], {"city": "", "spot": {"x": None}}, [("", 0)]],
        [4, 1, 1, 1, -9007199254740993, math.inf, -math.inf, "0.0000000001", "1", True, "ÿ漢字", b"x", datetime.date(2024, 2, 29),
         at(2024, 2, 29, 12, 0, 0, 0, utc), None, None, None],
        [5] + [None] * 16,
        [6, 1, 2, 3, 4, 0.1, 0.1, "0.1", "0.1", True, "six", b"six", datetime.date(2024, 1, 1), at(2024, 1, 1, tzinfo=utc),
         [], {"city": "Bern", "spot": {"x": -0.5}}, [("k", 6)]],
    ]

    def table(*chosen):
        columns = []
        for i, field in enumerate(schema):
            values = [row[i] for row in chosen]
            if pa.types.is_decimal(field.type):
                values = [None if v is None else decimal.Decimal(v).quantize(decimal.Decimal(1).scaleb(-field.type.scale), context=decimal.Context(prec=50)) for v in values]
            columns.append(pa.array(values, field.type))
        return pa.table(columns, schema=schema)

    append(path, table(rows[0]), configuration={"delta.checkpointInterval": "3"})
    append(path, table(rows[1], rows[4]))
    append(path, table(rows[2], rows[3]))
    append(path, table())
    append(path, table(rows[5]))
    DeltaTable(str(path)).delete("id = 2")
    append(path, table(rows[1]))
    done(path)


def partitioned():
    """Partition values that paths, JSON and SQL each spell in a way of their own."""
    path = fresh("delta-rs", "partitioned")
    names = ["plain", "with space", "a/b=c%20d?#:&", "Zürich 東京 😀", "quote'\"\\", "tab\tline\nend", "null", "__none__", None, "e\u0301", "\u00e9"]
    days = [datetime.date(2024, 2, 29), datetime.date(1969, 12, 31), None]

    def table(chosen, start):
        return pa.table(
            {
                "id": pa.array([start + i for i in range(len(chosen))], pa.int64()),
                "name": pa.array(chosen, pa.string()),
                "day": pa.array([days[i % 3] for i in range(len(chosen))], pa.date32()),
                "level": pa.array([[-1, 0, 2**31 - 1, None][i % 4] for i in range(len(chosen))], pa.int32()),
                "value": pa.array([f"value {start + i}" for i in range(len(chosen))], pa.string()),
            }
        )

    config = {"delta.checkpointInterval": "3"}
    append(path, table(names[:4], 0), partition_by=["name", "day", "level"], configuration=config)
    append(path, table(names[4:8], 4))
    append(path, table(names[8:], 8))
    append(path, table(names[2:4], 20))
    DeltaTable(str(path)).delete("name = 'with space'")
    DeltaTable(str(path)).optimize.compact()
    append(path, table(["a/b=c%20d?#:&"], 40))
    done(path)


def history():
    """MERGE, UPDATE, DELETE, OPTIMIZE, RESTORE, VACUUM, a checkpoint and transaction identifiers."""
    path = fresh("delta-rs", "history")
    for day in range(1, 4):
        mark = CommitProperties(app_transactions=[Transaction("loader", day)])
        append(path, trips(day, 4), configuration={"delta.checkpointInterval": "100"} if day == 1 else None, commit_properties=mark)
    delta = lambda: DeltaTable(str(path))  # noqa: E731
    delta().update(updates={"fare": "fare * 2"}, predicate="id = 2001")
    delta().delete("id = 1000")
    (
        delta()
        .merge(trips(3, 6), predicate="t.id = s.id", source_alias="s", target_alias="t")
        .when_matched_update({"fare": "0.5"}).when_not_matched_insert_all().execute()
    )
    delta().create_checkpoint()
    delta().optimize.compact()
    delta().restore(4)
    delta().optimize.z_order(["id"])
    delta().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    append(path, trips(7, 2))
    append(path, trips(8, 2))
    delta().delete("id = 8000")
    done(path, 2)


KINDS = {"trips": make_trips, "all-types": all_types, "partitioned": partitioned, "history": history}

for kind in sys.argv[1:] or KINDS:
    KINDS[kind]()
