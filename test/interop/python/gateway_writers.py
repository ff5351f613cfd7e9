"""Engines that write through the gateway, each as docs/writers.md sets it up. Reads requests from stdin, a JSON object a line."""

import json
import pathlib
import re
import sys

ENDPOINT, DOCUMENT = sys.argv[1], pathlib.Path(sys.argv[2])
ADDRESS = "127.0.0.1:9000"


def settings(engine):
    """The block of code under the engine's heading, run as it stands, but for the address."""
    section = DOCUMENT.read_text().split(f"\n### {engine}\n")[1].split("\n### ")[0]
    code = re.search(r"```(python|sql)\n(.*?)```", section, re.S).group(2)
    return code.replace(ADDRESS, ENDPOINT)


def python_settings(engine):
    names = {}
    exec(settings(engine), names)
    return names


def uri(table):
    return f"s3://lake/{table}"


def frame(rows):
    import pyarrow as pa

    return pa.table({"id": pa.array([i for i, _ in rows], pa.int64()), "v": [v for _, v in rows]})


class DeltaRs:
    def __init__(self):
        self.options = python_settings("delta-rs")["storage_options"]

    def table(self, name):
        from deltalake import DeltaTable

        return DeltaTable(uri(name), storage_options=self.options)

    def write(self, name, rows, **how):
        from deltalake import write_deltalake

        write_deltalake(uri(name), frame(rows), storage_options=self.options, **how)

    def create(self, name, rows):
        self.write(name, rows)

    def append(self, name, rows):
        self.write(name, rows, mode="append")

    def overwrite(self, name, rows):
        self.write(name, rows, mode="overwrite", schema_mode="overwrite")

    def delete(self, name, id):
        self.table(name).delete(f"id = {id}")

    def update(self, name, id, v):
        self.table(name).update(predicate=f"id = {id}", updates={"v": f"'{v}'"})

    def merge(self, name, rows):
        merger = self.table(name).merge(frame(rows), "t.id = s.id", source_alias="s", target_alias="t")
        merger.when_matched_update({"v": "s.v"}).when_not_matched_insert({"id": "s.id", "v": "s.v"}).execute()

    def optimize(self, name):
        self.table(name).optimize.compact()

    def schema(self, name):
        from deltalake import Field
        from deltalake.schema import PrimitiveType

        self.table(name).alter.add_columns([Field("w", PrimitiveType("double"))])

    def restore(self, name, version):
        self.table(name).restore(version)

    def checkpoint(self, name):
        self.table(name).create_checkpoint()

    def vacuum(self, name):
        self.table(name).vacuum(0, dry_run=False, enforce_retention_duration=False)


class Polars:
    def __init__(self):
        self.options = python_settings("Polars")["storage_options"]

    def write(self, name, rows, **how):
        import polars as pl

        return pl.from_arrow(frame(rows)).write_delta(uri(name), storage_options=self.options, **how)

    def create(self, name, rows):
        self.write(name, rows)

    def append(self, name, rows):
        self.write(name, rows, mode="append")

    def overwrite(self, name, rows):
        self.write(name, rows, mode="overwrite")

    def merge(self, name, rows):
        how = {"predicate": "t.id = s.id", "source_alias": "s", "target_alias": "t"}
        merger = self.write(name, rows, mode="merge", delta_merge_options=how)
        merger.when_matched_update_all().when_not_matched_insert_all().execute()


class DuckDB:
    def __init__(self):
        import duckdb
        import duckdb_extension_delta
        import duckdb_extension_httpfs

        self.connection = duckdb.connect()
        for package, name in [(duckdb_extension_httpfs, "httpfs"), (duckdb_extension_delta, "delta")]:
            folder = pathlib.Path(package.__path__[0], "extensions", f"v{duckdb.__version__}")
            self.connection.execute(f"LOAD '{folder / name}.duckdb_extension'")
        secret, *_ = settings("DuckDB").split(";")
        self.connection.execute(secret)

    def append(self, name, rows):
        values = ", ".join(f"({i}, '{v}')" for i, v in rows)
        self.connection.execute(f"ATTACH '{uri(name)}' AS t (TYPE delta, READ_WRITE)")
        try:
            self.connection.execute(f"INSERT INTO t VALUES {values}")
        finally:
            self.connection.execute("DETACH t")


class Spark:
    def __init__(self):
        from spark_session import jars_folder, open_spark

        jars = [*jars_folder().glob("*.jar"), *(jars_folder().parent / "s3").glob("*.jar")]
        self.spark = open_spark(
            **{
                **python_settings("Spark")["settings"],
                "spark.jars": ",".join(map(str, jars)),
                "spark.databricks.delta.retentionDurationCheck.enabled": "false",
            }
        )

    def sql(self, text, name):
        self.spark.sql(text.replace("$t", f"delta.`s3a://lake/{name}`")).collect()

    def source(self, rows):
        return ", ".join(f"({i}, '{v}')" for i, v in rows)

    def create(self, name, rows):
        self.sql("CREATE TABLE $t (id BIGINT, v STRING) USING delta", name)
        self.append(name, rows)

    def append(self, name, rows):
        self.sql(f"INSERT INTO $t (id, v) VALUES {self.source(rows)}", name)

    def overwrite(self, name, rows):
        self.sql(f"INSERT OVERWRITE $t (id, v) VALUES {self.source(rows)}", name)

    def delete(self, name, id):
        self.sql(f"DELETE FROM $t WHERE id = {id}", name)

    def update(self, name, id, v):
        self.sql(f"UPDATE $t SET v = '{v}' WHERE id = {id}", name)

    def merge(self, name, rows):
        source = f"(SELECT * FROM VALUES {self.source(rows)} AS s(id, v))"
        matched = "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"
        self.sql(f"MERGE INTO $t t USING {source} s ON t.id = s.id {matched}", name)

    def optimize(self, name):
        self.sql("OPTIMIZE $t", name)

    def schema(self, name):
        self.sql("ALTER TABLE $t ADD COLUMNS (w DOUBLE)", name)

    def restore(self, name, version):
        self.sql(f"RESTORE TABLE $t TO VERSION AS OF {version}", name)

    def checkpoint(self, name):
        jvm = self.spark._jvm.org.apache.spark.sql.delta.DeltaLog
        log = jvm.forTable(self.spark._jsparkSession, f"s3a://lake/{name}")
        none = self.spark._jvm.scala.Option.empty()
        log.checkpoint(log.update(False, none, none), none)

    def vacuum(self, name):
        self.sql("VACUUM $t RETAIN 0 HOURS", name)


ENGINES = {"delta-rs": DeltaRs, "Polars": Polars, "DuckDB": DuckDB, "Spark": Spark}
opened = {}

for line in sys.stdin:
    request = json.loads(line)
    name, what = request["engine"], request["what"]
    try:
        engine = opened.get(name) or ENGINES[name]()
        opened[name] = engine
        does = getattr(engine, what, None)
        if does is not None:
            does(request["table"], *request.get("with", []))
        answer = {"done": does is not None}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    print(json.dumps(answer), flush=True)
