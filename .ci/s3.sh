# An S3 server of our own for .ci/run: moto, in memory, on a free loopback port, stopped by its pid.

s3_pid=

# Sets TEST_S3_URL.
start_s3() {
  local from=$SECONDS server port log
  printf '\n=== s3 server: for this run\n'
  ran+=(s3-server)
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || { verdict s3-server 1 "$from"; return; }
  server=$(test/s3/setup.sh) || { verdict s3-server 1 "$from"; return; }
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  log=$scratch/s3-server.log
  "$server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
  s3_pid=$!
  for _ in $(seq 150); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      export TEST_S3_URL="http://127.0.0.1:$port"
      verdict s3-server 0 "$from"
      return
    fi
    kill -0 "$s3_pid" 2>/dev/null || break
    sleep 0.2
  done
  cat "$log"
  stop_s3
  verdict s3-server 1 "$from"
}

stop_s3() {
  if [ -z "$s3_pid" ]; then return; fi
  kill "$s3_pid" 2>/dev/null
  wait "$s3_pid" 2>/dev/null
  s3_pid=
  unset TEST_S3_URL
}
