#!/usr/bin/env bash
# Installs what checks the OpenAPI document, a linter and a fuzzer, in a cache folder that later runs find again. Does nothing
# when it is complete. Prints the folder. Needs npm, and python3 with venv.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${OPENAPI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-openapi}
linter=@redocly/cli@2.77.0

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "the OpenAPI suite needs: python3-venv (Debian package name)" >&2
  exit 69
fi

wanted="$(cat "$here/requirements.txt") $linter"
mkdir -p "$cache"
if [ "$(cat "$cache/complete" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$cache/venv" "$cache/node_modules" "$cache/complete"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  npm install --silent --no-save --no-package-lock --prefix "$cache" "$linter" >&2
  printf '%s' "$wanted" >"$cache/complete"
fi
echo "$cache"
