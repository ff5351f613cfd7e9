"""Engines that write through the gateway, each as docs/writers.md sets it up. Reads requests from stdin, a JSON object a line."""

import json
import os
import pathlib
import re
import sys

ENDPOINT, DOCUMENT, ACCESS_KEY = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:5]
ADDRESS = "127.0.0.1:9000"


def settings(engine):
    """The block of code under the engine's heading, run as it stands, but for the address and the access key: its id comes first."""
    section = DOCUMENT.read_text().split(f"\n### {engine}\n")[1].split("\n### ")[0]
    code = re.search(r"```(?:python|sql|properties)\n(.*?)```", section, re.S).group(1)
    parts = iter(ACCESS_KEY)
    return re.sub(r"\bany\b", lambda _: next(parts), code).replace(ADDRESS, ENDPOINT)


def python_settings(engine):
    names = {}
    exec(settings(engine), names)
    return names


def uri(table):
    return f"s3://lake/{table}"


def frame(rows):
    import pyarrow as pa

    return pa.table({"id": pa.array([i for i, _ in rows], pa.int64()), "v": [v for _, v in rows]})


def values_of(rows):
    return ", ".join(f"({i}, '{v}')" for i, v in rows)


def merge_of(source, alias="s"):
    matched = "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"
    return f"MERGE INTO $t t USING {source} {alias} ON t.id = s.id {matched}"


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
        return self.table(name).delete(f"id = {id}")["num_deleted_rows"]

    def mark(self, name, id):
        """A row gets one letter more: none may be lost."""
        return self.table(name).update(predicate=f"id = {id}", updates={"v": "v || 'x'"})["num_updated_rows"]

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
        self.connection.execute(f"ATTACH '{uri(name)}' AS t (TYPE delta, READ_WRITE)")
        try:
            self.connection.execute(f"INSERT INTO t VALUES {values_of(rows)}")
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

    def create(self, name, rows):
        self.sql("CREATE TABLE $t (id BIGINT, v STRING) USING delta", name)
        self.append(name, rows)

    def append(self, name, rows):
        self.sql(f"INSERT INTO $t (id, v) VALUES {values_of(rows)}", name)

    def overwrite(self, name, rows):
        self.sql(f"INSERT OVERWRITE $t (id, v) VALUES {values_of(rows)}", name)

    def delete(self, name, id):
        self.sql(f"DELETE FROM $t WHERE id = {id}", name)

    def update(self, name, id, v):
        self.sql(f"UPDATE $t SET v = '{v}' WHERE id = {id}", name)

    def merge(self, name, rows):
        self.sql(merge_of(f"(SELECT * FROM VALUES {values_of(rows)} AS s(id, v))"), name)

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


class Sail:
    def __init__(self):
        sys.path.append(os.path.join(os.environ["INTEROP_CACHE"], "unity"))
        os.environ.update(python_settings("Sail")["settings"])
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self.server = SparkConnectServer(port=0)
        self.server.start(background=True)
        self.spark = SparkSession.builder.remote(f"sc://localhost:{self.server.listening_address[1]}").getOrCreate()

    def write(self, name, rows, mode):
        self.spark.createDataFrame(rows, "id BIGINT, v STRING").write.format("delta").mode(mode).save(uri(name))

    def sql(self, text, name):
        """Statements take tables of Sail's own catalog, which knows no places by themselves."""
        self.spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION '{uri(name)}'").collect()
        self.spark.sql(text.replace("$t", name)).collect()

    def create(self, name, rows):
        self.write(name, rows, "error")

    def append(self, name, rows):
        self.write(name, rows, "append")

    def overwrite(self, name, rows):
        self.write(name, rows, "overwrite")

    def delete(self, name, id):
        self.sql(f"DELETE FROM $t WHERE id = {id}", name)

    def update(self, name, id, v):
        self.sql(f"UPDATE $t SET v = '{v}' WHERE id = {id}", name)

    def merge(self, name, rows):
        self.sql(merge_of(f"(SELECT * FROM VALUES {values_of(rows)} AS s(id, v))"), name)

    def schema(self, name):
        none = self.spark.createDataFrame([], "id BIGINT, v STRING, w DOUBLE")
        none.write.format("delta").mode("append").option("mergeSchema", "true").save(uri(name))


class Trino:
    def __init__(self):
        import trino_engine
        from trino.exceptions import TrinoQueryError

        properties = dict(line.split("=", 1) for line in settings("Trino").splitlines())
        self.run, self.refusals, self.known = trino_engine.run, TrinoQueryError, set()
        # Files that nobody needs are removed at once.
        self.connection = trino_engine.connect({**properties, "delta.vacuum.min-retention": "0s"})

    def sql(self, text, name):
        """Tables of others are registered first."""
        if name not in self.known:
            self.run(self.connection, f"CALL lake.system.register_table('d', '{name}', '{uri(name)}')")
        self.known.add(name)
        try:
            self.run(self.connection, text.replace("$t", name))
        except self.refusals as error:
            # The reason is that of the innermost cause.
            cause = error.failure_info
            while cause.get("cause"):
                cause = cause["cause"]
            raise RuntimeError(f"{error.message}: {cause.get('message')}") from error

    def make(self, how, name, rows):
        self.known.add(name)
        source = f"SELECT CAST(id AS BIGINT) AS id, CAST(v AS VARCHAR) AS v FROM (VALUES {values_of(rows)}) AS s(id, v)"
        self.sql(f"{how} TABLE $t WITH (location = '{uri(name)}') AS {source}", name)

    def create(self, name, rows):
        self.make("CREATE", name, rows)

    def append(self, name, rows):
        self.sql(f"INSERT INTO $t (id, v) VALUES {values_of(rows)}", name)

    def overwrite(self, name, rows):
        self.make("CREATE OR REPLACE", name, rows)

    def delete(self, name, id):
        self.sql(f"DELETE FROM $t WHERE id = {id}", name)

    def update(self, name, id, v):
        self.sql(f"UPDATE $t SET v = '{v}' WHERE id = {id}", name)

    def merge(self, name, rows):
        self.sql(merge_of(f"(VALUES {values_of(rows)}) AS s(id, v)", alias=""), name)

    def optimize(self, name):
        self.sql("ALTER TABLE $t EXECUTE optimize", name)

    def schema(self, name):
        self.sql("ALTER TABLE $t ADD COLUMN w DOUBLE", name)

    def vacuum(self, name):
        self.sql("CALL lake.system.vacuum('d', '$t', '0s')", name)


ENGINES = {"delta-rs": DeltaRs, "Polars": Polars, "DuckDB": DuckDB, "Sail": Sail, "Trino": Trino, "Spark": Spark}
opened = {}

for line in sys.stdin:
    request = json.loads(line)
    name, what = request["engine"], request["what"]
    try:
        engine = opened.get(name) or ENGINES[name]()
        opened[name] = engine
        does = getattr(engine, what, None)
        count = does(request["table"], *request.get("with", [])) if does is not None else None
        answer = {"done": does is not None, **({} if count is None else {"count": count})}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    print(json.dumps(answer), flush=True)
