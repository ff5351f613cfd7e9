"""What foreign writers might do to a table of ours: each tries to change it, and raises where it refuses."""

import pyarrow as pa


def sample(path):
    """One row of the table's newest version, to append again."""
    from readers import delta_rs

    row = delta_rs(path, None, None).slice(0, 1)
    # Not every engine knows string_view yet.
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return row.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in row.schema]))


def delta_rs_append(path):
    from deltalake import write_deltalake

    write_deltalake(path, sample(path), mode="append")


def delta_rs_delete(path):
    from deltalake import DeltaTable

    DeltaTable(path).delete()


def delta_rs_optimize(path):
    from deltalake import DeltaTable

    DeltaTable(path).optimize.compact()


def delta_rs_vacuum(path):
    from deltalake import DeltaTable

    DeltaTable(path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def delta_rs_checkpoint(path):
    from deltalake import DeltaTable

    DeltaTable(path).create_checkpoint()


def delta_rs_cleanup(path):
    from deltalake import DeltaTable

    DeltaTable(path).cleanup_metadata()


def polars_append(path):
    import polars as pl

    pl.from_arrow(sample(path)).write_delta(path, mode="append")


def daft_append(path):
    import daft

    daft.from_arrow(sample(path)).write_deltalake(path, mode="append")


def duckdb_append(path):
    from readers import open_duckdb

    rows = sample(path)  # noqa: F841 (DuckDB finds it by name)
    connection = open_duckdb()
    connection.execute(f"ATTACH '{path}' AS lake (TYPE delta)")
    connection.execute("INSERT INTO lake SELECT * FROM rows")


def vacuum_candidates(path):
    """What delta-rs would delete now, of the files that no version of today needs."""
    from deltalake import DeltaTable

    return sorted(DeltaTable(path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True))


def delta_rs_history(path):
    from deltalake import DeltaTable

    return [{"version": h.get("version"), "operation": h.get("operation")} for h in DeltaTable(path).history()]


def delta_rs_by_time(path):
    """For each version with a time of its own: the version that delta-rs takes to be the newest at that time."""
    import datetime
    import json
    import pathlib

    from deltalake import DeltaTable

    found = []
    for file in sorted(pathlib.Path(path, "_delta_log").glob("*.json")):
        first = json.loads(file.read_text().split("\n")[0]).get("commitInfo", {})
        if "inCommitTimestamp" not in first:
            continue
        table = DeltaTable(path)
        table.load_as_version(datetime.datetime.fromtimestamp(first["inCommitTimestamp"] / 1000, datetime.timezone.utc))
        found.append({"version": int(file.stem), "found": table.version()})
    return found


def parquet_facts(path):
    """What a Parquet file is made of: columns that are required at some level, map keys aside; column indexes; codecs."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    meta = file.metadata
    columns = [meta.row_group(g).column(c) for g in range(meta.num_row_groups) for c in range(meta.num_columns)]
    leaves = [file.schema.column(c) for c in range(meta.num_columns)]
    return {
        "rows": meta.num_rows,
        "required": [leaf.path for leaf in leaves if has_required(leaf)],
        "columnIndexes": any(c.has_column_index for c in columns),
        "codecs": sorted({c.compression for c in columns}),
    }


def has_required(leaf):
    """Every optional or repeated level of a path counts one; the key of a map alone may, and must, be required."""
    levels = leaf.path.split(".")
    is_key = levels[-2:] == ["key_value", "key"]
    return leaf.max_definition_level != len(levels) - (1 if is_key else 0)


def parquet_rows(path):
    """Rows of a Parquet file as JSON, without the columns that are null."""
    import pyarrow.parquet as pq

    from canon import canonical_value

    rows = pq.read_table(path).to_pylist()
    return [{name: canonical_value(value) for name, value in row.items() if value is not None} for row in rows]


WRITES = {
    "delta-rs append": delta_rs_append,
    "delta-rs delete": delta_rs_delete,
    "delta-rs optimize": delta_rs_optimize,
    "delta-rs vacuum": delta_rs_vacuum,
    "delta-rs checkpoint": delta_rs_checkpoint,
    "delta-rs log cleanup": delta_rs_cleanup,
    "Polars append": polars_append,
    "Daft append": daft_append,
    "DuckDB append": duckdb_append,
}
LOOKS = {
    "vacuum candidates": vacuum_candidates,
    "delta-rs history": delta_rs_history,
    "delta-rs by time": delta_rs_by_time,
    "parquet facts": parquet_facts,
    "parquet rows": parquet_rows,
}
