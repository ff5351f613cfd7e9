#!/usr/bin/env bash
# Makes a Python with the peers of the benchmarks that are named, and prints where it is. Spark, which is large, only when it is asked for:
# it needs Java 17 and Maven, which brings Delta's jars.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-bench
python=$cache/bin/python
delta=4.4.0
spark=4.2
scala=2.13

# part NAME WANTED: installs one part unless the cache has it as wanted.
part() {
  local name=$1 wanted=$2
  if [ "$(cat "$cache/$name.complete" 2>/dev/null)" = "$wanted" ]; then return; fi
  "install_$name" >&2
  printf '%s' "$wanted" >"$cache/$name.complete"
}

install_peers() {
  python3 -m venv "$cache"
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
}

install_spark() {
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "Spark needs $tool (Debian: openjdk-17-jre-headless, maven)"; exit 69; }
  done
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/spark-requirements.txt"
  for jar in "io.delta:delta-spark_${spark}_$scala:$delta" "io.delta:delta-storage:$delta"; do
    mvn --batch-mode --quiet -Dstyle.color=never dependency:copy "-Dartifact=$jar" "-DoutputDirectory=$cache/jars"
  done
}

part peers "$(cat "$here/requirements.txt")"
case " $* " in *" spark "*) part spark "$(cat "$here/spark-requirements.txt") $delta $spark $scala" ;; esac
echo "$python"
