# Servers of MariaDB and of MySQL of our own for .ci/run: new data in a temporary folder, on a free loopback port, stopped by its pid.

mysql_home=

# Sets TEST_MYSQL_URL. The server does not wait for its disk: tests test our SQL.
start_mariadb() {
  local from=$SECONDS
  printf '\n=== mariadb: a server for this run\n'
  ran+=(mariadb)
  command -v mariadbd >/dev/null || install_mariadb || { verdict mariadb 1 "$from"; return; }
  mysql_home=$(mktemp -d)
  if [ "$(id -u)" -eq 0 ]; then chown mysql: "$mysql_home"; fi
  as_mysql mariadb-install-db --no-defaults --datadir="$mysql_home/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$mysql_home/install.log" 2>&1
  serve_mysql as_mysql mariadbd --no-defaults
  verdict mariadb $? "$from"
}

# MySQL's own server comes from a distribution that changes every day: where it cannot be had, that is said at the end, and nothing is red.
start_mysql() {
  local from=$SECONDS server
  printf '\n=== mysql: a server for this run\n'
  if ! server=$(test/mysql/setup.sh) || ! "$server" --version; then
    untried+=("MySQL's own server: it could not be unpacked")
    return 1
  fi
  ran+=(mysql)
  mysql_home=$(mktemp -d)
  "$server" --initialize-insecure --user="$(id -un)" --datadir="$mysql_home/data" >"$mysql_home/install.log" 2>&1
  serve_mysql "$server" --user="$(id -un)" --mysqlx=OFF
  verdict mysql $? "$from"
}

# serve_mysql COMMAND…: starts the server on its data, waits for it, and makes a database. At its start a server removes the temporary
# tables that lie in its folder for them: another one's, too.
serve_mysql() {
  local port
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  "$@" --datadir="$mysql_home/data" --bind-address=127.0.0.1 --port="$port" --socket="$mysql_home/socket" \
    --tmpdir="$mysql_home" --pid-file="$mysql_home/pid" --innodb-flush-log-at-trx-commit=0 --skip-log-bin >"$mysql_home/server.log" 2>&1 &
  for _ in $(seq 300); do mariadb -h 127.0.0.1 -P "$port" -u root -e 'create database lake' 2>/dev/null && break; sleep 0.1; done
  if ! mariadb -h 127.0.0.1 -P "$port" -u root lake -e 'select version()'; then
    cat "$mysql_home"/*.log
    return 1
  fi
  export TEST_MYSQL_URL="mysql://root@127.0.0.1:$port/lake"
}

stop_mysql() {
  local pid
  if [ -z "$mysql_home" ]; then return; fi
  if pid=$(cat "$mysql_home/pid" 2>/dev/null) && kill "$pid" 2>/dev/null; then
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null
  fi
  rm -rf "$mysql_home"
  mysql_home=
  unset TEST_MYSQL_URL
}

# MariaDB does not run as root.
as_mysql() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && exec runuser -u mysql -- "$@"); else "$@"; fi
}

# From Debian. Its package starts a server on the standard port where nothing forbids it; ours is another one.
install_mariadb() { apt_install mariadb-server; }
