# shellcheck shell=bash disable=SC2154 # logs comes from scripts/test
# Lanes: consecutive steps in their own process group, in parallel with other lanes.

results=$logs/results
rm -rf "$results"
mkdir -p "$results"
# The process groups, and all steps in the order of their start.
lanes=()
planned=()

# in_front STEP…: runs the steps and shows their output as it appears.
in_front() {
  begin_lane 0 shown "$@"
  wait "${lanes[-1]}"
}

# background NICE STEP…: the same in the background with a lower priority; shows the output of each step when it ends.
background() {
  local nice=$1
  shift
  [ $# -eq 0 ] || begin_lane "$nice" hidden "$@"
}

begin_lane() {
  local nice=$1 how=$2 step
  shift 2
  # Monitor mode makes it a process group.
  set -m
  run_lane "$nice" "$how" "$@" &
  set +m
  lanes+=($!)
  planned+=("$@")
  for step; do echo $! >"$results/$step.lane"; done
}

run_lane() {
  local nice=$1 how=$2 step
  shift 2
  set +m
  [ "$nice" -eq 0 ] || renice -n "$nice" -p "$BASHPID" >/dev/null
  for step; do
    perform "$step" "$how"
    [ "$how" = hidden ] || show_ended
  done
}

# perform STEP shown|hidden: writes a log and a result: exit code, seconds, CPU seconds, tests passed and failed.
perform() {
  local step=$1 how=$2 log=$logs/$1.log began=$SECONDS status=1 user system ok bad TIMEFORMAT='%U %S'
  if [ "$how" = shown ]; then
    printf '\n=== %s\n' "$step"
    { time { (set -e; "step_$step") </dev/null 2>&1 | tee "$log"; status=${PIPESTATUS[0]}; }; } 2>"$results/$step.time"
  else
    { time { (set -e; "step_$step") </dev/null >"$log" 2>&1; status=$?; }; } 2>"$results/$step.time"
  fi
  read -r user system < <(tail -n 1 "$results/$step.time")
  read -r ok bad < <(count "$log")
  # A step without tests counts as one check, unless it was skipped; one that failed before counting has one failure.
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$status" -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ] && [ ! -e "$results/$step.skipped" ]; then ok=1; fi
  if [ "$status" -eq 0 ] && [ "$bad" -ne 0 ]; then status=1; fi
  [ "$how" = hidden ] || touch "$results/$step.shown"
  echo "$status $((SECONDS - began)) $((${user%[.,]*} + ${system%[.,]*})) $ok $bad" >"$results/$step.part"
  mv "$results/$step.part" "$results/$step"
}

# Sums up the final lines of cargo test, nextest, pytest and Node.js's test runner: "PASSED FAILED".
count() {
  sed -e 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    function number(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0 }
    /^test result: / || /tests? run: .*passed/ || /^=+ .*(passed|failed|error).* in [0-9.]+s/ {
      ok += number("passed"); bad += number("failed") + number("error") + number("timed out")
    }
    /^(ℹ|#) pass [0-9]+/ { ok += $3 }
    /^(ℹ|#) (fail|cancelled) [0-9]+/ { bad += $3 }
    END { print ok + 0, bad + 0 }'
}

# Prints background steps that have ended since the last call.
show_ended() {
  local step
  for step in "${planned[@]}"; do
    [ -e "$results/$step" ] && [ ! -e "$results/$step.shown" ] || continue
    touch "$results/$step.shown"
    printf '\n=== %s (ran in the background)\n' "$step"
    cat "$logs/$step.log"
  done
}

# Waits for all lanes and shows their results.
await_lanes() {
  local lane
  for lane in "${lanes[@]}"; do
    while kill -0 "$lane" 2>/dev/null; do
      show_ended
      sleep 0.2
    done
  done
  show_ended
}

# succeeded STEP: waits for a step in any lane.
succeeded() {
  local status lane
  lane=$(cat "$results/$1.lane" 2>/dev/null) || return 1
  while [ ! -e "$results/$1" ] && kill -0 "$lane" 2>/dev/null; do sleep 0.2; done
  read -r status _ <"$results/$1" && [ "$status" -eq 0 ]
}

# Stops what is still running when the script is interrupted.
end_lanes() {
  local lane alive
  for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null; done
  # nextest gives its tests ten seconds to end.
  for _ in $(seq 150); do
    alive=
    for lane in "${lanes[@]}"; do ! kill -0 -- "-$lane" 2>/dev/null || alive=yes; done
    [ -n "$alive" ] || return 0
    sleep 0.1
  done
  for lane in "${lanes[@]}"; do kill -KILL -- "-$lane" 2>/dev/null; done
}
