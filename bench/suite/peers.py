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
        times = []
        for n in range(commits):
            start = time.perf_counter()
            self.lib.write_deltalake(path, rows(n), mode="append")
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2] * 1000

    def open(self, table):
        start = time.perf_counter()
        self.lib.DeltaTable(table).version()
        return (time.perf_counter() - start) * 1000

    def list(self, table):
        start = time.perf_counter()
        self.lib.DeltaTable(table).get_add_actions(flatten=False)
        return (time.perf_counter() - start) * 1000

    def checkpoint(self, table):
        # With one of this version there it makes none.
        for old in glob.glob(f"{table}/_delta_log/*.checkpoint*.parquet") + glob.glob(f"{table}/_delta_log/_last_checkpoint"):
            os.remove(old)
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
        times = []
        for n in range(commits):
            start = time.perf_counter()
            connection.execute(f"insert into lake.t values ({n}, '2026-01-01')")
            times.append(time.perf_counter() - start)
        return sorted(times)[len(times) // 2] * 1000


PEERS = {"delta-rs": DeltaRs, "ducklake": DuckLake}
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
    print(json.dumps(answer), flush=True)
