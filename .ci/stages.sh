# Stages of .ci/run: each under a header, with its seconds and a limit; its output is kept, to count tests and find skipped ones.

scratch=$(mktemp -d)
ran=()
red=()
untried=()
cores=(0 0)
trap 'stop_postgres; stop_mysql; stop_s3; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# stage SECONDS NAME TITLE: runs the function stage_NAME. A red stage does not keep the later ones from running.
stage() {
  local from=$SECONDS
  mark_cores
  ran+=("$2")
  run_stage "$@"
  verdict "$2" $? "$from"
}

# beside SECONDS NAME TITLE SECONDS NAME TITLE…: stages that leave a core idle, at once; each is printed when it has ended.
beside() {
  local from=$SECONDS names=() pids=() i
  mark_cores
  while [ $# -gt 0 ]; do
    names+=("$2")
    ran+=("$2")
    run_stage "$1" "$2" "$3" >"$scratch/$2.said" 2>&1 &
    pids+=($!)
    shift 3
  done
  for i in "${!names[@]}"; do
    wait "${pids[i]}"
    set -- $?
    cat "$scratch/${names[i]}.said"
    verdict "${names[i]}" "$1" "$from"
  done
}

run_stage() {
  local limit=$1 name=$2 code
  printf '\n=== %s: %s\n' "$name" "$3"
  export -f "stage_$name" apt_install
  timeout --kill-after=10 "$limit" bash -uc "stage_$name" 2>&1 | tee "$scratch/$name.out"
  code=${PIPESTATUS[0]}
  [ "$code" -ne 124 ] || printf '%s: stopped after %s s\n' "$name" "$limit"
  if [ -x node_modules/.bin/node ] && ! node_modules/.bin/node test/support/secrets.ts "$scratch/$name.out"; then
    printf '%s: its output holds a secret\n' "$name"
    code=1
  fi
  if plain "$scratch/$name.out" | grep -aqx 'ℹ tests 0'; then
    printf '%s: no test ran\n' "$name"
    code=1
  fi
  return "$code"
}

# Busy and idle time of all cores: who waits leaves room for a stage beside it.
mark_cores() { cores=($(awk '/^cpu / { print $2 + $3 + $4 + $7 + $8, $5 + $6 }' /proc/stat)); }
busy_cores() {
  local before=("${cores[@]}") all
  mark_cores
  all=$((cores[0] - before[0] + cores[1] - before[1]))
  echo $((all > 0 ? 100 * (cores[0] - before[0]) / all : 0))
}

# verdict NAME CODE FROM: closes a stage and remembers a red one.
verdict() {
  if [ "$2" -eq 0 ]; then
    printf -- '--- %s: ok, %s s, %s %% of the cores\n' "$1" $((SECONDS - $3)) "$(busy_cores)"
  else
    red+=("$1")
    printf -- '--- %s: FAILED (exit %s), %s s\n' "$1" "$2" $((SECONDS - $3))
  fi
  return "$2"
}

# Output without colours.
plain() { sed -E 's/\x1b\[[0-9;]*m//g' "$@"; }

# total pass: one figure of node:test's summaries, over all stages.
total() { plain "$scratch"/*.out | sed -nE "s/^ℹ $1 ([0-9]+)$/\1/p" | awk '{ sum += $1 } END { print sum + 0 }'; }

# Tests and suites that were skipped and passed in no stage. Suites over shared/delta-data may be where that folder is not
# beside the repository: the tables are not ours to carry along.
skipped_everywhere() {
  local spared='^$'
  [ -d ../shared/delta-data ] || spared='shared/delta-data'
  plain "$scratch"/*.out | sed -nE 's/^ *✔ (.*) \([0-9.]+ms\)$/\1/p' | sort -u >"$scratch/passed"
  plain "$scratch"/*.out | grep -av "$spared" | sed -nE 's/^ *(﹣|⚠) (.*) \([0-9.]+ms\) # .*$/\2/p' | sort -u |
    comm -23 - "$scratch/passed"
}

groups=(contract differential isolation crashes operations)
engines=()
declare -A shown_by

# covers STAGE ENGINE GROUP…: the stage runs these groups of tests on this engine.
covers() {
  local stage=$1 engine=$2 group
  case " ${engines[*]/%/;} " in *" $engine; "*) ;; *) engines+=("$engine") ;; esac
  for group in "${@:3}"; do shown_by["$engine/$group"]=$stage; done
}

# Engines by groups: ok, FAILED, or - where no stage has run them.
engine_table() {
  local engine group stage cell
  printf '\n| engine |'
  printf ' %s |' "${groups[@]}"
  printf '\n|---|'
  printf -- '---|%.0s' "${groups[@]}"
  for engine in "${engines[@]}"; do
    printf '\n| %s |' "$engine"
    for group in "${groups[@]}"; do
      stage=${shown_by["$engine/$group"]:-}
      cell=-
      case " ${ran[*]} " in *" ${stage:-none} "*) cell=ok ;; esac
      case " ${red[*]} " in *" ${stage:-none} "*) cell=FAILED ;; esac
      printf ' %s |' "$cell"
    done
  done
  printf '\n'
}

# What failed, by file and name, with the first line of what was said: whoever sees the end of the output alone sees it.
failed_tests() {
  plain "$scratch"/*.out | awk '
    /^✖ failing tests:/ { listed = 1; next }
    /^(ℹ|===|---) / { listed = 0 }
    listed && /^test at / { print "  " substr($0, 9); left = 2; next }
    listed && left > 0 && NF > 0 { print "    " substr($0, 1, 200); left-- }' | head -n 60
}

# Prints the verdict and, as the last line, the sum.
finish() {
  local passed failed left_out code=0
  passed=$(total pass)
  failed=$(($(total fail) + $(total cancelled)))
  left_out=$(skipped_everywhere)
  engine_table
  printf '\n=== %s stages in %s s: %s\n' ${#ran[@]} "$SECONDS" "${ran[*]}"
  if [ ${#untried[@]} -gt 0 ]; then printf 'not tried on this machine: %s\n' "${untried[@]}"; fi
  if [ ${#red[@]} -gt 0 ]; then printf 'FAILED stages: %s\n' "${red[*]}"; failed_tests; code=1; fi
  if [ -n "$left_out" ]; then printf 'FAILED: skipped and run nowhere:\n%s\n' "$left_out"; code=1; fi
  if [ "$passed" -eq 0 ]; then printf 'FAILED: no test passed\n'; code=1; fi
  if [ "$failed" -gt 0 ]; then code=1; fi
  printf '%s passed, %s failed\n' "$passed" "$failed"
  exit "$code"
}

# apt_install PACKAGE…: callers ask only for what they miss.
apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"
}
