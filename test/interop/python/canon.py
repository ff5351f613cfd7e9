"""The one spelling of rows: what every engine reads comes into this form, so that texts can be compared exactly."""

import datetime
import decimal
import json
import math

UTC = datetime.timezone.utc


def canonical_value(value):
    """Integers, floats, decimals and times as texts that keep their kind; maps as sorted pairs."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value}"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return repr(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return value.isoformat(timespec="microseconds")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, dict):
        return {name: canonical_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return canonical_list(value)
    raise TypeError(f"no canonical form for {type(value)}")


def canonical_list(items):
    """Engines hand out maps as pairs, or as structs of key and value; both become sorted pairs."""
    if items and all(isinstance(i, dict) and set(i) in ({"key", "value"}, {"keys", "values"}) for i in items):
        items = [tuple(i.values()) for i in items]
    if items and all(isinstance(i, tuple) and len(i) == 2 for i in items):
        return sorted(([canonical_value(k), canonical_value(v)] for k, v in items), key=json.dumps)
    return [canonical_value(i) for i in items]


def canonical_rows(table):
    """Rows of a pyarrow table, sorted."""
    import pyarrow as pa

    columns = []
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = column.cast(pa.timestamp("us", tz=field.type.tz))
        columns.append(canonical_column(column))
    names = table.schema.names
    return sorted_rows([dict(zip(names, values)) for values in zip(*columns)])


def canonical_column(column):
    try:
        return [canonical_value(v) for v in column.to_pylist()]
    except OverflowError:
        return [far_value(scalar) for scalar in column]


def far_value(scalar):
    """Python's calendar has the years 1 to 9999; beyond them days or microseconds since 1970 tell as much."""
    import pyarrow as pa

    try:
        return canonical_value(scalar.as_py())
    except OverflowError:
        days = pa.types.is_date32(scalar.type)
        count = scalar.cast(pa.int32() if days else pa.int64()).as_py()
        return f"{count} {'days' if days else 'microseconds'}"


def sorted_rows(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
