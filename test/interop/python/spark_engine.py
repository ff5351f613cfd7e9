"""Spark as a reader and as a foreign writer, in one long-lived session."""

from pyspark.sql import functions as F

from readers import literal
from spark_session import open_spark

spark = open_spark(**{"spark.databricks.delta.retentionDurationCheck.enabled": "false"})


def frame(path, version):
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(path)


def condition(where):
    column, op, values = F.col("`" + where["column"].replace("`", "``") + "`"), where["op"], literal(where)
    if op == "in":
        return column.isin(values)
    if op in ("is null", "is not null"):
        return column.isNull() if op == "is null" else column.isNotNull()
    return {"=": column.__eq__, "<>": column.__ne__, "<": column.__lt__, ">": column.__gt__}[op](F.lit(values[0]))


def read(path, version, where):
    found = frame(path, version)
    return (found if where is None else found.where(condition(where))).toArrow()


def read_row_ids(path, version, where):
    """Rows with their stable ids (`_metadata.row_id`) and the versions that last changed them."""
    return frame(path, version).select("*", "_metadata.row_id", "_metadata.row_commit_version").toArrow()


def read_changes(path, version, where):
    """The change feed from a version on."""
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", version).load(path)
    return feed.drop("_commit_timestamp").toArrow()


def history(path):
    rows = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").select("version", "operation", "operationParameters").collect()
    return [{"version": row.version, "operation": row.operation} for row in rows]


def append(path):
    frame(path, None).limit(1).write.format("delta").mode("append").save(path)


def run(statement):
    return lambda path: spark.sql(statement.replace("{t}", f"delta.`{path}`")).collect()


READERS = {"Spark": read, "Spark row ids": read_row_ids, "Spark change feed": read_changes}
WRITES = {
    "Spark append": append,
    "Spark delete": run("DELETE FROM {t}"),
    "Spark optimize": run("OPTIMIZE {t}"),
    "Spark vacuum": run("VACUUM {t} RETAIN 0 HOURS"),
    "Spark properties": run("ALTER TABLE {t} SET TBLPROPERTIES ('note' = 'x')"),
}
LOOKS = {"Spark history": history}
