#!/usr/bin/env bash
# Installs the S3 server of the tests in a Python of its own, in a cache folder that later runs find again. Does nothing when
# it is complete. Prints the server's command: run it with `-p PORT`. Needs python3 with venv.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${S3_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-s3}

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "the S3 suite needs: python3-venv (Debian package name)" >&2
  exit 69
fi

wanted=$(cat "$here/requirements.txt")
mkdir -p "$cache"
if [ "$(cat "$cache/complete" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$cache/venv" "$cache/complete"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
  printf '%s' "$wanted" >"$cache/complete"
fi
echo "$cache/venv/bin/moto_server"
