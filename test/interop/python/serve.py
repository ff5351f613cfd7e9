"""Answers requests of the test driver, one JSON line each, until stdin ends: `serve.py spark`, `serve.py trino` or `serve.py python`."""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

# Engines print to stdout as they please; the driver reads another stream.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

from canon import canonical_rows  # noqa: E402

if sys.argv[1] == "spark":
    from spark_engine import LOOKS, READERS, WRITES
elif sys.argv[1] == "trino":
    from trino_engine import READERS

    LOOKS, WRITES = {}, {}
else:
    from make_files import make_files
    from readers import READERS
    from writers import LOOKS, WRITES

lock = threading.Lock()


def told(error):
    """The message; of Java's traces only the causes."""
    lines = f"{type(error).__name__}: {error}".split("\n")
    return "\n".join(line for line in lines if not line.startswith("\tat "))


def answer(request):
    try:
        op, what, path = request["op"], request["what"], request.get("path")
        if op == "read":
            found = READERS[what](path, request.get("version"), request.get("where"))
            result = found if isinstance(found, list) else canonical_rows(found)
        elif op == "make":
            result = make_files(request)
        elif op == "write":
            result = WRITES[what](path) and None
        else:
            result = LOOKS[what](path)
        reply = {"id": request["id"], "result": result}
    except BaseException as error:  # Rust panics are no Exceptions
        reply = {"id": request["id"], "error": told(error)[:2000]}
    text = json.dumps(reply)
    with lock:
        answers.write(text + "\n")


answers.write(json.dumps({"ready": sys.argv[1]}) + "\n")
# The Python engines share global state; Spark is glad of a second request while it plans the first.
with ThreadPoolExecutor(2 if sys.argv[1] == "spark" else 1) as pool:
    for line in sys.stdin:
        pool.submit(answer, json.loads(line))
