#!/usr/bin/env bash
# Installs the readers and writers of the interop suite: a Python of their own and Spark's Delta jars, in a cache folder that
# later runs find again. Does nothing when it is complete. Prints the folder. Needs python3 with venv, Java 17 and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-interop}
delta=4.1.0
scala=2.13

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
if [ ${#missing[@]} -gt 0 ]; then
  echo "the interop suite needs: ${missing[*]} (Debian package names)" >&2
  exit 69
fi

wanted=$(cat "$here/requirements.txt"; echo "$delta $scala")
mkdir -p "$cache"
if [ "$(cat "$cache/complete" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$cache/venv" "$cache/jars" "$cache/complete"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  for artifact in "delta-spark_$scala" delta-storage; do
    mvn --batch-mode --quiet -Dstyle.color=never dependency:copy "-Dartifact=io.delta:$artifact:$delta" "-DoutputDirectory=$cache/jars" >&2
  done
  printf '%s' "$wanted" >"$cache/complete"
fi
echo "$cache"
