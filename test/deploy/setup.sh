#!/usr/bin/env bash
# Installs the emulator of AWS and a Delta reader in a Python of their own, in a cache folder that later runs find again. Does
# nothing when it is complete. Prints the folder of their commands. Needs python3 with venv.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${DEPLOY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-deploy}

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "the deployment suite needs: python3-venv (Debian package name)" >&2
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
echo "$cache/venv/bin"
