#!/usr/bin/env bash
# Installs the readers and writers of the interop suite: a Python of their own, Spark's Delta jars and a Trino server, in a cache
# folder that later runs find again. Does nothing when it is complete. Prints the folder. Needs python3 with venv, Java 17 and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-interop}
delta=4.4.0
spark=4.2
scala=2.13
trino=476
httpfs=duckdb-extension-httpfs==1.5.5
# The Spark that most clusters still have, and the last Delta for it.
spark35=3.5.6
delta35=3.3.2

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
if [ ${#missing[@]} -gt 0 ]; then
  echo "the interop suite needs: ${missing[*]} (Debian package names)" >&2
  exit 69
fi

# part NAME WANTED: installs one part unless the cache has it as wanted. A part that was cut off is made again from the start.
part() {
  local name=$1 wanted=$2
  if [ "$(cat "$cache/$name.complete" 2>/dev/null)" = "$wanted" ]; then return; fi
  rm -rf "${cache:?}/$name" "$cache/$name.complete"
  "install_$name" >&2
  printf '%s' "$wanted" >"$cache/$name.complete"
}

install_venv() {
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
}

install_jars() {
  maven_copy "io.delta:delta-spark_${spark}_$scala:$delta" "$cache/jars"
  maven_copy "io.delta:delta-storage:$delta" "$cache/jars"
}

# Of the server's sixty plugins only the Delta connector is kept: they share files by hard links, so all are unpacked first.
install_trino() {
  local download="$cache/trino-download"
  rm -rf "$download"
  maven_copy "io.trino:trino-server:$trino:tar.gz" "$download"
  mkdir "$cache/trino"
  tar -xzf "$download"/trino-server-*.tar.gz -C "$cache/trino" --strip-components=1
  find "$cache/trino/plugin" -mindepth 1 -maxdepth 1 ! -name delta-lake -exec rm -rf {} +
  rm -rf "$download"
}

# For engines that speak S3: DuckDB's extension, and Hadoop's client for Spark.
install_s3() {
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$httpfs"
  mkdir "$cache/s3"
  mvn --batch-mode --quiet -Dstyle.color=never --file "$here/s3a-pom.xml" dependency:copy-dependencies "-DoutputDirectory=$cache/s3"
}

# Clients of Unity Catalog, beside the rest: what they bring along is not what the readers are tried with.
install_unity() {
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --target "$cache/unity" --requirement "$here/unity-requirements.txt"
}

# Laid out as the cache itself: jars/, and Spark with its own Python library, which goes before that of the readers.
install_spark35() {
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --target "$cache/spark35/python" "pyspark==$spark35"
  maven_copy "io.delta:delta-spark_2.12:$delta35" "$cache/spark35/jars"
  maven_copy "io.delta:delta-storage:$delta35" "$cache/spark35/jars"
}

maven_copy() {
  mvn --batch-mode --quiet -Dstyle.color=never dependency:copy "-Dartifact=$1" "-DoutputDirectory=$2"
}

mkdir -p "$cache"
part venv "$(cat "$here/requirements.txt")"
part jars "$delta $spark $scala"
part trino "$trino"
part s3 "$(cat "$here/requirements.txt" "$here/s3a-pom.xml") $httpfs"
part unity "$(cat "$here/requirements.txt" "$here/unity-requirements.txt")"
part spark35 "$spark35 $delta35"
echo "$cache"
