"""Runs the Python tests of a copy of github.com/delta-io/delta, and writes what became of each to DL_OUTCOMES, a JSON object a line.

python delta_python.py SUITE BASE [TEST …]

BASE is a folder, or a place such as s3a://lake, where the tests have their tables. With an address in DL_ENDPOINT Spark is set up as docs/writers.md
(DL_DOCUMENT) says. Beside that, and settings for speed, nothing of the tests is changed.
"""

import glob
import json
import os
import re
import sys
import unittest
import uuid

SUITE, BASE = sys.argv[1:3]
sys.path.insert(0, SUITE)
cache = os.environ["INTEROP_CACHE"]
os.environ["TZ"] = "UTC"

from delta.testing import utils


def settings():
    if "DL_ENDPOINT" not in os.environ:
        return {}
    with open(os.environ["DL_DOCUMENT"], encoding="utf-8") as file:
        section = file.read().split("\n### Spark\n")[1]
    names = {}
    exec(re.search(r"```python\n(.*?)```", section, re.S).group(1), names)
    address = os.environ["DL_ENDPOINT"]
    return {name: value.replace("http://127.0.0.1:9000", address) for name, value in names["settings"].items()}


SETTINGS = {
    "spark.jars": ",".join(sorted(glob.glob(f"{cache}/jars/*.jar") + glob.glob(f"{cache}/s3/*.jar"))),
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.warehouse.dir": f"{BASE}/warehouse",
    "spark.ui.showConsoleProgress": "false",
    # Tables of some rows: a task, or compiling one, costs more than its work.
    "spark.master": "local[2]",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    **settings(),
}
conf_of = utils.DeltaTestCase.conf.__func__


def conf(cls):
    made = conf_of(cls)
    for name, value in SETTINGS.items():
        made.set(name, value)
    return made


def set_up(self):
    super(utils.DeltaTestCase, self).setUp()
    self.tempPath = f"{BASE}/{uuid.uuid4().hex}"
    self.tempFile = f"{self.tempPath}/tempFile"


utils.DeltaTestCase.conf = classmethod(conf)
utils.DeltaTestCase.setUp = set_up


class Told(unittest.TestResult):
    def tell(self, test, outcome, message=""):
        with open(os.environ["DL_OUTCOMES"], "a", encoding="utf-8") as file:
            file.write(json.dumps({"name": test.id(), "outcome": outcome, "message": message}) + "\n")

    def addSuccess(self, test):
        self.tell(test, "passed")

    def addSkip(self, test, reason):
        self.tell(test, "skipped", reason)

    def addFailure(self, test, err):
        self.tell(test, "failed", "".join(str(err[1]).split("JVM stacktrace")[:1]))

    addError = addFailure


modules = sys.argv[3:] or ["delta.tests.test_deltatable", "delta.tests.test_sql"]
unittest.defaultTestLoader.loadTestsFromNames(modules).run(Told())
os._exit(0)
