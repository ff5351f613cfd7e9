# A server of MariaDB of our own for .ci/run: new data in a temporary folder, on a free loopback port, stopped by its pid.

mysql_home=

# Sets TEST_MYSQL_URL. The server does not wait for its disk: tests test our SQL.
start_mysql() {
  local from=$SECONDS port
  printf '\n=== mariadb: a server for this run\n'
  ran+=(mariadb)
  command -v mariadbd >/dev/null || install_mysql || { verdict mariadb 1 "$from"; return; }
  mysql_home=$(mktemp -d)
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  if [ "$(id -u)" -eq 0 ]; then chown mysql: "$mysql_home"; fi
  if as_mysql mariadb-install-db --no-defaults --datadir="$mysql_home/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$mysql_home/install.log" 2>&1; then
    as_mysql mariadbd --no-defaults --datadir="$mysql_home/data" --bind-address=127.0.0.1 --port="$port" \
      --socket="$mysql_home/socket" --pid-file="$mysql_home/pid" --innodb-flush-log-at-trx-commit=0 --skip-log-bin \
      >"$mysql_home/server.log" 2>&1 &
  fi
  for _ in $(seq 300); do mariadb -h 127.0.0.1 -P "$port" -u root -e 'create database lake' 2>/dev/null && break; sleep 0.1; done
  if ! mariadb -h 127.0.0.1 -P "$port" -u root lake -e 'select version()'; then
    cat "$mysql_home"/*.log
    verdict mariadb 1 "$from"
    return
  fi
  export TEST_MYSQL_URL="mysql://root@127.0.0.1:$port/lake"
  verdict mariadb 0 "$from"
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

# The server refuses to run as root.
as_mysql() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && exec runuser -u mysql -- "$@"); else "$@"; fi
}

# From Debian. Its package starts a server on the standard port where nothing forbids it; ours is another one.
install_mysql() { apt_install mariadb-server; }
