"""The peers' side of the benchmarks: reads a question a line, answers {"figure": n} or {"error": text} a line."""

import glob
import json
import os
import sys
import threading
import time
import uuid


def rows(n):
    import pyarrow

    return pyarrow.table({"id": pyarrow.array([n], pyarrow.int64()), "day": ["2026-01-01"]})


def in_threads(writers, seconds, write):
    """Commits a second that succeed; a writer that loses tries again."""
    end = time.perf_counter() + seconds
    done = [0] * writers

    def run(n):
        while time.perf_counter() < end:
            try:
                write(n)
                done[n] += 1
            except Exception:
                pass

    threads = [threading.Thread(target=run, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def median_ms(times, work):
    took = []
    for n in range(times):
        start = time.perf_counter()
        work(n)
        took.append(time.perf_counter() - start)
    return sorted(took)[len(took) // 2] * 1000


def without_checkpoint(table):
    """With one of this version there others make none."""
    for old in glob.glob(f"{table}/_delta_log/*.checkpoint*.parquet") + glob.glob(f"{table}/_delta_log/_last_checkpoint"):
        os.remove(old)


class DeltaRs:
    def __init__(self):
        import deltalake

        self.lib = deltalake

    def commits(self, folder, writers, tables, seconds):
        paths = [os.path.join(folder, f"delta-rs-{uuid.uuid4().hex}") for _ in range(tables)]
        for path in paths:
            self.lib.write_deltalake(path, rows(0))
        return in_threads(
            writers, seconds, lambda n: self.lib.write_deltalake(paths[n % tables], rows(n), mode="append")
        )

    def latency(self, folder, commits):
        path = os.path.join(folder, f"delta-rs-{uuid.uuid4().hex}")
        self.lib.write_deltalake(path, rows(0))
        return median_ms(commits, lambda n: self.lib.write_deltalake(path, rows(n), mode="append"))

    def open(self, table):
        start = time.perf_counter()
        self.lib.DeltaTable(table).version()
        return (time.perf_counter() - start) * 1000

    def list(self, table):
        start = time.perf_counter()
        self.lib.DeltaTable(table).get_add_actions(flatten=False)
        return (time.perf_counter() - start) * 1000

    def checkpoint(self, table):
        without_checkpoint(table)
        opened = self.lib.DeltaTable(table)
        start = time.perf_counter()
        opened.create_checkpoint()
        return (time.perf_counter() - start) * 1000


class DuckLake:
    def __init__(self):
        import duckdb

        self.lib = duckdb

    def attach(self, folder):
        name = uuid.uuid4().hex
        import duckdb_extension_ducklake as package

        extension = os.path.join(
            package.__path__[0], "extensions", f"v{self.lib.__version__}", "ducklake.duckdb_extension"
        )
        connection = self.lib.connect(config={"allow_unsigned_extensions": "true"})
        connection.execute(f"load '{extension}'")
        data = os.path.join(folder, f"ducklake-{name}")
        connection.execute(f"attach 'ducklake:{data}.db' as lake (data_path '{data}')")
        return connection

    def commits(self, folder, writers, tables, seconds):
        connection = self.attach(folder)
        for table in range(tables):
            connection.execute(f"create table lake.t{table} (id bigint, day varchar)")
        cursors = [connection.cursor() for _ in range(writers)]
        return in_threads(
            writers,
            seconds,
            lambda n: cursors[n].execute(f"insert into lake.t{n % tables} values ({n}, '2026-01-01')"),
        )

    def latency(self, folder, commits):
        connection = self.attach(folder)
        connection.execute("create table lake.t (id bigint, day varchar)")
        return median_ms(commits, lambda n: connection.execute(f"insert into lake.t values ({n}, '2026-01-01')"))


class Spark:
    """Two threads of one Spark; its start, and a first table, are no part of a figure."""

    def __init__(self):
        from pyspark.sql import SparkSession

        jars = sorted(glob.glob(os.path.join(sys.prefix, "jars", "*.jar")))
        builder = SparkSession.builder.master("local[2]").appName("bench")
        for key, value in {
            "spark.jars": ",".join(jars),
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "4g",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.databricks.delta.snapshotPartitions": "2",
        }.items():
            builder = builder.config(key, value)
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("OFF")
        self.logs = self.spark._jvm.org.apache.spark.sql.delta.DeltaLog

    def append(self, path, n):
        frame = self.spark.createDataFrame([(n, "2026-01-01")], "id bigint, day string").coalesce(1)
        frame.write.format("delta").mode("append").save(path)

    def new_tables(self, folder, count):
        paths = [os.path.join(folder, f"spark-{uuid.uuid4().hex}") for _ in range(count)]
        for path in paths:
            self.append(path, 0)
        return paths

    def snapshot(self, table):
        """Of a table that it has never seen."""
        self.logs.clearCache()
        return self.logs.forTable(self.spark._jsparkSession, table).update(False, self.none(), self.none())

    def none(self):
        return getattr(getattr(self.spark._jvm.scala, "None$"), "MODULE$")

    def commits(self, folder, writers, tables, seconds):
        paths = self.new_tables(folder, tables)
        return in_threads(writers, seconds, lambda n: self.append(paths[n % tables], n))

    def latency(self, folder, commits):
        (path,) = self.new_tables(folder, 1)
        return median_ms(min(commits, 5), lambda n: self.append(path, n))

    def open(self, table):
        start = time.perf_counter()
        self.snapshot(table).version()
        return (time.perf_counter() - start) * 1000

    def list(self, table):
        start = time.perf_counter()
        self.snapshot(table).allFiles().collect()
        return (time.perf_counter() - start) * 1000

    def checkpoint(self, table):
        without_checkpoint(table)
        snapshot = self.snapshot(table)
        start = time.perf_counter()
        snapshot.deltaLog().checkpoint(snapshot, self.none())
        return (time.perf_counter() - start) * 1000


# What a library prints is no answer.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
PEERS = {"delta-rs": DeltaRs, "ducklake": DuckLake, "spark": Spark}
opened = {}
for line in sys.stdin:
    asked = json.loads(line)
    peer, what = asked.pop("peer"), asked.pop("what")
    try:
        if peer not in opened:
            opened[peer] = PEERS[peer]()
        answer = {"figure": getattr(opened[peer], what)(**asked)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
