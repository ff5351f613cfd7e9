"""Makes golden tables with Spark and delta-spark. Run it again only to change them on purpose (about three minutes):

    bash test/interop/setup.sh && "${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-interop/venv/bin/python" test/golden/make-spark.py [KIND…]

The last two commits of most tables are an append and a delete that tests leave out and make again through our API.
"""

import sys

from golden import fresh, record

from canon import canonical_rows
from spark_session import open_spark

ENGINE = "Spark 4.1.1, delta-spark 4.1.0"
spark = open_spark(
    **{
        "spark.databricks.delta.retentionDurationCheck.enabled": "false",
        "spark.databricks.delta.properties.defaults.checkpointInterval": "4",
        "spark.databricks.delta.writeChecksumFile.enabled": "false",
        "spark.databricks.delta.vacuum.logging.enabled": "true",
        "spark.sql.sources.default": "delta",
    }
)


class Table:
    """A golden table in the making: `t.sql("DELETE FROM {t} WHERE …")`."""

    def __init__(self, kind):
        self.path = fresh("spark", kind)
        self.name = f"delta.`{self.path}`"

    def create(self, columns, properties="", clauses=""):
        given = f"TBLPROPERTIES ({properties})" if properties else ""
        spark.sql(f"CREATE TABLE {self.name} ({columns}) USING delta {clauses} {given}")
        return self

    def sql(self, *statements):
        for statement in statements:
            spark.sql(statement.replace("{t}", self.name))
        return self

    def insert(self, *rows, columns=None):
        """One commit with one file."""
        names = f"({columns})" if columns else ""
        spark.sql(f"INSERT INTO {self.name} {names} SELECT /*+ COALESCE(1) */ * FROM VALUES {', '.join(rows)}")
        return self

    def rows(self, version):
        return canonical_rows(spark.read.format("delta").option("versionAsOf", version).load(str(self.path)).toArrow())

    def done(self, held_back=2, **more):
        head = spark.sql(f"DESCRIBE HISTORY {self.name} LIMIT 1").first().version
        record(self.path, self.rows, ENGINE, continue_from=head - held_back if held_back else None, **more)


def people(ids, city="'Bern'"):
    return [f"(CAST({i} AS BIGINT), 'name {i}', {i}.5D, {city})" for i in ids]


COLUMNS = "id BIGINT, name STRING, amount DOUBLE, city STRING"
DV = "'delta.enableDeletionVectors' = 'true'"


def deletion_vectors():
    t = Table("deletion-vectors").create(COLUMNS, DV)
    t.insert(*people(range(10))).insert(*people(range(10, 16)))
    t.sql("DELETE FROM {t} WHERE id IN (2, 5)", "DELETE FROM {t} WHERE id = 7")
    t.sql("UPDATE {t} SET name = 'ünique', amount = -0.25 WHERE id IN (3, 12)")
    t.sql("REORG TABLE {t} APPLY (PURGE)")
    t.insert(*people(range(20, 24))).sql("DELETE FROM {t} WHERE id IN (21, 22)")
    t.insert(*people(range(30, 33))).sql("DELETE FROM {t} WHERE id IN (0, 20, 31)").done()


def partitioned_deletion_vectors():
    t = Table("partitioned-deletion-vectors").create(COLUMNS, DV, "PARTITIONED BY (city)")
    for city in ("'Zürich/West 50%'", "NULL", "'a=b'"):
        t.insert(*people(range(6), city))
    t.sql("DELETE FROM {t} WHERE id IN (1, 4)", "DELETE FROM {t} WHERE city IS NULL AND id > 3")
    t.insert(*people(range(40, 44), "'a=b'")).sql("DELETE FROM {t} WHERE id = 41").done()


def column_mapping(mode):
    t = Table(f"column-mapping-{mode}")
    t.create(COLUMNS, f"'delta.columnMapping.mode' = '{mode}', {DV}", "PARTITIONED BY (city)")
    t.insert(*people(range(4))).insert(*people(range(4, 8), "'Genève 1'"))
    t.sql("ALTER TABLE {t} RENAME COLUMN name TO `full name`", "ALTER TABLE {t} RENAME COLUMN city TO `Ort (neu)`")
    t.insert(*people(range(8, 10), "'Chur'")).sql("ALTER TABLE {t} ADD COLUMN note STRING")
    t.insert("(CAST(10 AS BIGINT), 'ten', 10.0D, 'Bern', 'noted')")
    t.sql("ALTER TABLE {t} DROP COLUMN amount")
    t.insert("(CAST(11 AS BIGINT), 'eleven', 'Bern', NULL)").sql("DELETE FROM {t} WHERE id IN (1, 10)").done()


def row_tracking():
    t = Table("row-tracking").create(COLUMNS, f"'delta.enableRowTracking' = 'true', {DV}")
    t.insert(*people(range(5))).insert(*people(range(5, 8)))
    t.sql("UPDATE {t} SET amount = amount * 2 WHERE id = 3", "DELETE FROM {t} WHERE id = 1")
    t.sql(
        "MERGE INTO {t} t USING (SELECT * FROM VALUES (CAST(6 AS BIGINT), 'merged', 1.0D, 'Bern'), "
        "(CAST(60 AS BIGINT), 'new', 2.0D, 'Bern') AS s(id, name, amount, city)) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    t.sql("OPTIMIZE {t}").insert(*people(range(70, 73))).sql("DELETE FROM {t} WHERE id IN (0, 71)").done()


def type_widening():
    t = Table("type-widening")
    t.create(
        "id BIGINT, tiny TINYINT, small SMALLINT, whole INT, ratio FLOAT, price DECIMAL(6, 2), day DATE",
        "'delta.enableTypeWidening' = 'true'",
    )
    row = "(CAST({0} AS BIGINT), CAST({0} AS TINYINT), CAST({0} AS SMALLINT), {0}, CAST({0}.5 AS FLOAT), CAST({0}.25 AS DECIMAL(6, 2)), DATE '2024-02-{1}')"
    t.insert(row.format(1, "01"), row.format(-2, "29"))
    t.sql("ALTER TABLE {t} ALTER COLUMN tiny TYPE SMALLINT", "ALTER TABLE {t} ALTER COLUMN whole TYPE BIGINT")
    wide = "(CAST({0} AS BIGINT), CAST({0} AS SMALLINT), CAST({0} AS SMALLINT), {1}, CAST({0}.5 AS FLOAT), CAST({0}.25 AS DECIMAL(6, 2)), DATE '2024-02-{2}')"
    t.insert(wide.format(300, "9007199254740993L", "03"))
    t.sql("ALTER TABLE {t} ALTER COLUMN ratio TYPE DOUBLE", "ALTER TABLE {t} ALTER COLUMN price TYPE DECIMAL(12, 4)")
    t.sql("ALTER TABLE {t} ALTER COLUMN small TYPE INT")
    last = "(CAST({0} AS BIGINT), CAST({0} AS SMALLINT), {1}, 5L, 0.1D, CAST(12345678.1234 AS DECIMAL(12, 4)), NULL)"
    t.insert(last.format(400, 70000)).insert(last.format(401, -70000)).sql("DELETE FROM {t} WHERE id = 1").done()


def timestamp_ntz():
    t = Table("timestamp-ntz")
    t.create("id BIGINT, local TIMESTAMP_NTZ, instant TIMESTAMP, at TIMESTAMP_NTZ", "", "PARTITIONED BY (at)")
    row = "(CAST({0} AS BIGINT), TIMESTAMP_NTZ '{1}', TIMESTAMP '{1}Z', {2})"
    t.insert(row.format(1, "2024-03-31 02:30:00.123456", "TIMESTAMP_NTZ '2024-03-31 02:30:00'"))
    t.insert(row.format(2, "1969-12-31 23:59:59.999999", "TIMESTAMP_NTZ '1969-12-31 23:59:59.5'"))
    t.insert(row.format(3, "2024-10-27 02:30:00", "NULL"))
    t.insert("(CAST(4 AS BIGINT), NULL, NULL, TIMESTAMP_NTZ '2024-03-31 02:30:00')")
    t.insert(row.format(5, "2199-12-31 00:00:00.000001", "NULL")).sql("DELETE FROM {t} WHERE id = 1").done()


def schema_change():
    t = Table("schema-change").create("id BIGINT, name STRING, place STRUCT<city: STRING>")
    t.insert("(CAST(1 AS BIGINT), 'a', NAMED_STRUCT('city', 'Bern'))", "(CAST(2 AS BIGINT), 'b', NULL)")
    t.sql("ALTER TABLE {t} ADD COLUMNS (score INT COMMENT 'from 0', place.zip STRING)")
    t.insert("(CAST(3 AS BIGINT), 'c', NAMED_STRUCT('city', 'Chur', 'zip', '7000'), 9)")
    t.sql("ALTER TABLE {t} ADD COLUMN tags ARRAY<STRING> FIRST")
    t.insert("(ARRAY('x', NULL), CAST(4 AS BIGINT), 'd', NULL, 4)")
    spark.sql("SELECT CAST(id AS STRING) AS id, 7 AS other FROM range(3)").coalesce(1).write.format("delta").mode(
        "overwrite"
    ).option("overwriteSchema", "true").save(str(t.path))
    t.insert("('10', 8)").insert("('11', NULL)").sql("DELETE FROM {t} WHERE id = '0'").done()


def partitioned():
    t = Table("partitioned")
    t.create(
        "id BIGINT, s STRING, d DATE, ts TIMESTAMP, n INT, x DECIMAL(8, 3), b BOOLEAN",
        "",
        "PARTITIONED BY (s, d, ts, n, x, b)",
    )
    row = "(CAST({} AS BIGINT), {}, {}, {}, {}, {}, {})"
    typed = ("DATE '2024-02-29'", "TIMESTAMP '2024-02-29 23:59:59.123456Z'", "-7", "CAST(1.500 AS DECIMAL(8, 3))", "true")
    nulls = ("CAST(NULL AS DATE)", "CAST(NULL AS TIMESTAMP)", "CAST(NULL AS INT)", "CAST(NULL AS DECIMAL(8, 3))", "CAST(NULL AS BOOLEAN)")
    t.insert(row.format(1, "'a/b c=d%20?#:'", *typed), row.format(2, "'a/b c=d%20?#:'", *typed))
    t.insert(row.format(3, "'Zürich 東京 😀'", *typed)).insert(row.format(4, "NULL", *nulls))
    t.insert(row.format(5, "''", *typed)).insert(row.format(6, '"it\'s \\\\ \\"x\\""', *nulls))
    t.sql("UPDATE {t} SET id = 30 WHERE s LIKE 'Z%'", "OPTIMIZE {t}", "DELETE FROM {t} WHERE d IS NULL AND s IS NULL")
    t.insert(row.format(7, "'__HIVE_DEFAULT_PARTITION'", *typed)).sql("DELETE FROM {t} WHERE id = 2").done()


def history():
    t = Table("history").create(COLUMNS)
    for start in (0, 4, 8):
        t.insert(*people(range(start, start + 4)))
    t.sql("UPDATE {t} SET name = 'x' WHERE id = 5", "DELETE FROM {t} WHERE id = 0", "OPTIMIZE {t}")
    t.sql(
        "MERGE INTO {t} t USING (SELECT CAST(9 AS BIGINT) AS id) s ON t.id = s.id "
        "WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE AND t.id = 1 THEN UPDATE SET city = 'gone'"
    )
    t.sql("RESTORE TABLE {t} TO VERSION AS OF 5", "OPTIMIZE {t} ZORDER BY (id)", "VACUUM {t} RETAIN 0 HOURS")
    t.insert(*people(range(20, 23))).sql("DELETE FROM {t} WHERE id IN (2, 20)").done()


def v2_checkpoint():
    t = Table("v2-checkpoint")
    t.create(COLUMNS, f"'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '3', {DV}", "PARTITIONED BY (city)")
    for i in range(4):
        t.insert(*people(range(i * 3, i * 3 + 3), f"'city {i % 2}'"))
    t.sql("DELETE FROM {t} WHERE id = 1", "OPTIMIZE {t}").insert(*people([50])).sql("DELETE FROM {t} WHERE id = 9").done()


def clustered():
    t = Table("clustered").create(COLUMNS, "", "CLUSTER BY (id, city)")
    t.insert(*people(range(4))).insert(*people(range(4, 9)))
    t.sql("OPTIMIZE {t}", "ALTER TABLE {t} CLUSTER BY (city)").insert(*people(range(20, 22)))
    t.sql("DELETE FROM {t} WHERE id = 20").done()


def change_feed():
    t = Table("change-feed").create(COLUMNS, "'delta.enableChangeDataFeed' = 'true'", "PARTITIONED BY (city)")
    t.insert(*people(range(3))).insert(*people(range(3, 6), "'Chur'"))
    t.sql("UPDATE {t} SET amount = 1 WHERE id = 2", "DELETE FROM {t} WHERE id = 4", "DELETE FROM {t} WHERE city = 'Bern'")
    t.insert(*people(range(7, 9), "'Chur'")).sql("DELETE FROM {t} WHERE id = 7")
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1).load(str(t.path))
    t.done(changes=canonical_rows(feed.drop("_commit_timestamp").toArrow()))


def writer_features():
    t = Table("writer-features")
    tables, session = spark._jvm.io.delta.tables.DeltaTable, spark._jsparkSession  # SQL has no generated columns here
    column = lambda name, kind: tables.columnBuilder(session, name).dataType(kind)  # noqa: E731
    builder = tables.create(session).location(str(t.path)).partitionedBy(spark.sparkContext._gateway.new_array(spark._jvm.String, 0))
    builder = builder.addColumn(column("id", "BIGINT").generatedAlwaysAsIdentity(1, 1).build())
    builder = builder.addColumn(column("name", "STRING").nullable(False).build())
    builder = builder.addColumn(column("amount", "DOUBLE").build()).addColumn(column("day", "DATE").build())
    builder.addColumn(column("year", "INT").generatedAlwaysAs("YEAR(day)").build()).execute()
    t.sql("ALTER TABLE {t} SET TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')")
    t.sql("ALTER TABLE {t} ALTER COLUMN amount SET DEFAULT 1.5")
    t.sql("ALTER TABLE {t} ADD CONSTRAINT positive CHECK (amount > 0)")
    t.insert("('a', DATE '2024-01-01')", "('b', DATE '2025-01-01')", columns="name, day")
    t.insert("('c', 2.0D, DATE '2024-06-01')", columns="name, amount, day")
    t.sql("UPDATE {t} SET amount = 9 WHERE name = 'a'").insert("('d', 3.0D, NULL)", columns="name, amount, day")
    t.sql("DELETE FROM {t} WHERE name = 'b'").done()


KINDS = {
    "deletion-vectors": deletion_vectors,
    "partitioned-deletion-vectors": partitioned_deletion_vectors,
    "column-mapping-name": lambda: column_mapping("name"),
    "column-mapping-id": lambda: column_mapping("id"),
    "row-tracking": row_tracking,
    "type-widening": type_widening,
    "timestamp-ntz": timestamp_ntz,
    "schema-change": schema_change,
    "partitioned": partitioned,
    "history": history,
    "v2-checkpoint": v2_checkpoint,
    "clustered": clustered,
    "change-feed": change_feed,
    "writer-features": writer_features,
}

failed = []
for kind in sys.argv[1:] or KINDS:
    try:
        KINDS[kind]()
    except Exception as error:
        failed.append(kind)
        print(f"{kind} FAILED: {str(error)[:600]}", flush=True)
spark.stop()
sys.exit(1 if failed else 0)
