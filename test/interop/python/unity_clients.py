"""Clients of Unity Catalog, set up as docs/unity.md says: prints what each finds and reads, as one JSON line.

python unity_clients.py CLIENT HOST:PORT DOCUMENT
"""

import asyncio
import glob
import json
import os
import re
import sys
import sysconfig

CLIENT, ADDRESS, DOCUMENT = sys.argv[1:]
UNITY = os.path.join(os.environ["INTEROP_CACHE"], "unity")
sys.path.append(UNITY)


def block(name):
    """The code of a section, with the address of the server under test."""
    with open(DOCUMENT, encoding="utf-8") as file:
        section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", file.read(), re.S | re.M).group(1)
    return re.search(r"```\w+\n(.*?)```", section, re.S).group(1).replace("127.0.0.1:8080", ADDRESS)


def duckdb():
    import duckdb as module

    connection = module.connect(config={"allow_unsigned_extensions": "true"})
    for place in [sysconfig.get_paths()["purelib"], UNITY]:
        for extension in sorted(glob.glob(f"{place}/duckdb_extension_*/extensions/*/*.duckdb_extension")):
            connection.execute(f"LOAD '{extension}'")
    connection.execute(block("DuckDB"))
    # With more, DuckDB passes over a whole catalog now and then, without a word.
    connection.execute("SET threads = 1")
    found = connection.execute("SELECT schema, name, column_types FROM (SHOW ALL TABLES) WHERE database = 'lake' ORDER BY ALL")
    result = {"tables": [[schema, name, types] for schema, name, types in found.fetchall()]}
    connection.execute("RESET threads")
    result["rows"] = [list(row) for row in connection.execute("SELECT id, name FROM lake.shop.orders ORDER BY id").fetchall()]
    try:
        connection.execute("INSERT INTO lake.shop.orders SELECT 9, 'z', NULL, NULL")
        result["insert"] = "done"
    except module.Error as error:
        result["insert"] = str(error)
    return result


def sail():
    scope = {}
    exec(block("Sail"), scope)
    os.environ.update(scope["settings"])
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer(port=0)
    server.start(background=True)
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(f"sc://localhost:{server.listening_address[1]}").getOrCreate()
    rows = lambda query: [list(row) for row in spark.sql(query).collect()]
    result = {
        "tables": sorted(["shop", row[1]] for row in rows("SHOW TABLES IN shop")),
        "rows": rows("SELECT id, name FROM shop.orders ORDER BY id"),
    }
    spark.stop()
    server.stop()
    return result


def unity():
    from unitycatalog.client import ApiClient, Configuration, SchemasApi, TablesApi
    from unitycatalog.client.exceptions import NotFoundException

    scope = {"Configuration": Configuration}
    exec(block("unitycatalog-client"), scope)

    async def look():
        async with ApiClient(scope["configuration"]) as client:
            tables = TablesApi(client)
            schemas, token = [], None
            while True:
                page = await SchemasApi(client).list_schemas("lake", max_results=1, page_token=token)
                schemas += [schema.name for schema in page.schemas]
                token = page.next_page_token
                if not token:
                    break
            table = await tables.get_table("lake.shop.orders")
            try:
                await tables.get_table("lake.shop.nothing")
            except NotFoundException as error:
                missing = json.loads(error.body)["error_code"]
            return {
                "schemas": schemas,
                "tables": [[t.schema_name, t.name] for t in (await tables.list_tables("lake", "shop")).tables],
                "columns": [[column.name, column.type_name.value, column.type_text] for column in table.columns],
                "missing": missing,
            }

    return asyncio.run(look())


print(json.dumps({"duckdb": duckdb, "sail": sail, "unity": unity}[CLIENT]()))
