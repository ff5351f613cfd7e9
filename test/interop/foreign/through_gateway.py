"""A plugin of pytest for delta-rs' own suite. Writes what became of each test to DL_OUTCOMES, a JSON object a line.

With DL_BEHIND, tables below that folder are reached through the gateway at AWS_ENDPOINT_URL: the first part of a path below it is the
bucket. What a test looks at in the folder is what the mirror writes there, as the folder is behind the gateway.
"""

import json
import os
import pathlib

import deltalake.table
import deltalake.writer.convert_to
import deltalake.writer.writer

BEHIND = os.environ.get("DL_BEHIND", "").rstrip("/") + "/"


def pytest_runtest_logreport(report):
    if report.when != "call" and report.outcome == "passed":
        return
    said = str(getattr(report.longrepr, "reprcrash", None) and report.longrepr.reprcrash.message or report.longrepr or "")
    with open(os.environ["DL_OUTCOMES"], "a") as file:
        file.write(json.dumps({"name": report.nodeid, "outcome": report.outcome, "message": said}) + "\n")


def through(place):
    text = str(place).removeprefix("file://")
    return f"s3://{text.removeprefix(BEHIND)}" if text.startswith(BEHIND) else place


def redirected(call):
    """The place of the table is its first argument, or is called table_uri or uri."""

    def called(*given, **named):
        places = {name: through(named[name]) for name in ("table_uri", "uri") if isinstance(named.get(name), (str, pathlib.Path))}
        first = [through(given[0])] if given and isinstance(given[0], (str, pathlib.Path)) else given[:1]
        return call(*first, *given[1:], **{**named, **places})

    return called


class Raw:
    """Stands where the module has the class of tables, which cannot be inherited from."""

    original = deltalake.table.RawDeltaTable
    is_deltatable = staticmethod(redirected(original.is_deltatable))

    def __new__(cls, *given, **named):
        return redirected(cls.original)(*given, **named)


if BEHIND != "/":
    deltalake.table.RawDeltaTable = Raw
    deltalake.table._create_deltalake = redirected(deltalake.table._create_deltalake)
    deltalake.writer.writer.write_deltalake_rust = redirected(deltalake.writer.writer.write_deltalake_rust)
    deltalake.writer.convert_to._convert_to_deltalake = redirected(deltalake.writer.convert_to._convert_to_deltalake)
