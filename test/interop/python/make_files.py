"""Data files for tables that the differential test makes up: Parquet from a Delta schema and rows in JSON, and their rows as readers must give them."""

import datetime
import decimal
import os
import re

from canon import canonical_rows

PRIMITIVES = {
    "string": ("string", str),
    "long": ("int64", int),
    "integer": ("int32", int),
    "short": ("int16", int),
    "byte": ("int8", int),
    "double": ("float64", float),
    "float": ("float32", float),
    "boolean": ("bool_", bool),
    "binary": ("binary", bytes.fromhex),
    "date": ("date32", datetime.date.fromisoformat),
}


def arrow_type(kind, physical):
    """The Arrow type of a Delta type; with column mapping, fields inside have their physical names."""
    import pyarrow as pa

    if isinstance(kind, dict):
        if kind["type"] == "struct":
            return pa.struct([arrow_field(field, physical) for field in kind["fields"]])
        if kind["type"] == "array":
            return pa.list_(arrow_type(kind["elementType"], physical))
        return pa.map_(arrow_type(kind["keyType"], physical), arrow_type(kind["valueType"], physical))
    if kind.startswith("decimal"):
        return pa.decimal128(*map(int, re.findall(r"\d+", kind)))
    if kind == "timestamp":
        return pa.timestamp("us", tz="UTC")
    if kind == "timestamp_ntz":
        return pa.timestamp("us")
    return getattr(pa, PRIMITIVES[kind][0])()


def arrow_field(field, physical):
    import pyarrow as pa

    metadata = field.get("metadata", {})
    name = metadata.get("delta.columnMapping.physicalName", field["name"]) if physical else field["name"]
    ids = {"PARQUET:field_id": str(metadata["delta.columnMapping.id"])} if "delta.columnMapping.id" in metadata else None
    return pa.field(name, arrow_type(field["type"], physical), nullable=field["nullable"], metadata=ids)


def value(text, kind):
    """A JSON value as a Python value of the type."""
    if text is None:
        return None
    if isinstance(kind, dict):
        if kind["type"] == "struct":
            return {field["name"]: value(text[field["name"]], field["type"]) for field in kind["fields"]}
        if kind["type"] == "array":
            return [value(item, kind["elementType"]) for item in text]
        return [(value(k, kind["keyType"]), value(v, kind["valueType"])) for k, v in text]
    if kind.startswith("decimal"):
        return decimal.Decimal(text)
    if kind.startswith("timestamp"):
        moment = datetime.datetime.fromisoformat(text)
        return moment.replace(tzinfo=datetime.timezone.utc) if kind == "timestamp" else moment
    return PRIMITIVES[kind][1](text)


def make_files(request):
    """Writes `files` of `{path, fields, rows}`. Answers each file's size and its rows, by logical names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = []
    for file in request["files"]:
        os.makedirs(os.path.dirname(file["path"]), exist_ok=True)
        fields = file["fields"]
        columns = [[value(row[field["name"]], field["type"]) for row in file["rows"]] for field in fields]
        logical = pa.schema([arrow_field(field, False) for field in fields])
        arrays = [pa.array(column, field.type) for column, field in zip(columns, logical)]
        physical = pa.schema([arrow_field(field, True) for field in fields])
        stored = [renamed(array, field.type) for array, field in zip(arrays, physical)]
        pq.write_table(pa.table(stored, schema=physical), file["path"], compression="snappy")
        rows = canonical_rows(pa.table(arrays, schema=logical))
        made.append({"size": os.path.getsize(file["path"]), "rows": rows})
    return made


def renamed(array, kind):
    """The same values in a type whose nested fields have other names."""
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return array
    return pa.StructArray.from_arrays([array.field(i) for i in range(kind.num_fields)], fields=list(kind))
