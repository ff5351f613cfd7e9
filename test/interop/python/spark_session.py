"""The one Spark session: local, small, with Delta from the folder of jars that setup.sh fills."""

import glob
import os
import pathlib


def jars_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(os.environ.get("INTEROP_CACHE") or os.path.join(cache, "deltalakedb-interop")) / "jars"


def open_spark(**settings):
    from pyspark.sql import SparkSession

    jars = sorted(glob.glob(str(jars_folder() / "*.jar")))
    if not jars:
        raise SystemExit(f"no jars in {jars_folder()}: run test/interop/setup.sh")
    os.environ["TZ"] = "UTC"
    builder = SparkSession.builder.master("local[2]").appName("interop")
    fixed = {
        "spark.jars": ",".join(jars),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Tables of some rows: a task, or compiling one, costs more than its work.
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        # A vacuum would list a handful of files in ten thousand tasks.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    for key, value in {**fixed, **settings}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
