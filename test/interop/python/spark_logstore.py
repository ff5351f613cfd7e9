"""Spark with the LogStore of clients/spark-logstore, set up as docs/writers.md says. Runs SQL from stdin, a JSON object a line."""

import json
import pathlib
import re
import sys

from spark_session import jars_folder, open_spark

API, JAR, DOCUMENT = sys.argv[1:]


def settings():
    """The block of code of the document, run as it stands, but for the scheme and the address."""
    section = pathlib.Path(DOCUMENT).read_text().split("\n## Spark without a detour\n")[1]
    names = {}
    exec(re.search(r"```python\n(.*?)```", section, re.S).group(1), names)
    found = names["settings"]
    found["spark.delta.logStore.file.impl"] = found.pop("spark.delta.logStore.s3a.impl")
    found["spark.hadoop.deltalakedb.api"] = API
    found.pop("spark.hadoop.deltalakedb.token")
    return found


jars = [JAR, *map(str, jars_folder().glob("*.jar"))]
spark = open_spark(**{**settings(), "spark.jars": ",".join(jars)})
for line in sys.stdin:
    try:
        rows = spark.sql(json.loads(line)["sql"]).collect()
        print(json.dumps({"rows": [list(map(str, row)) for row in rows]}), flush=True)
    except Exception as error:
        print(json.dumps({"error": str(error)[:4000]}), flush=True)
