#!/usr/bin/env bash
# Makes a Python with the peers of the benchmarks, and prints where it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-bench
python=$cache/bin/python
if ! cmp -s "$here/requirements.txt" "$cache/installed.txt"; then
  python3 -m venv "$cache"
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$cache/installed.txt"
fi
echo "$python"
