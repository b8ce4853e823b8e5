#!/usr/bin/env bash
# Is every barrier of the kernels needed, and would a test notice if one were missing? Runs a test
# program on the emulated device once for each barrier it reaches, with that barrier switched off.
#
#   mutation-check.sh TEST_PROGRAM [LEAST_PERCENT]
#
# Exit status 1 where fewer than LEAST_PERCENT (95) of the barriers are missed by the test, or where
# the test does not pass as it is.
set -euo pipefail
program=$1
least=${2:-95}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LNRNN_TEST_STOP_AT_FAILURE=1

LNRNN_EMULATOR_SITES="$work/sites" "$program" > "$work/out" 2>&1 ||
  { cat "$work/out"; echo "The test fails with every barrier in place."; exit 1; }
mapfile -t sites < <(sort -u "$work/sites")

missed=0 deadlocks=0 survivors=()
for site in "${sites[@]}"; do
  status=0
  LNRNN_EMULATOR_SKIP_SITE=$site timeout 300 "$program" > "$work/out" 2>&1 || status=$?
  if (( status == 0 )); then
    survivors+=("$site")
    verdict=survived
  elif grep -q deadlock "$work/out"; then
    (( ++missed, ++deadlocks ))
    verdict="a deadlock"
  else
    (( ++missed ))
    verdict="noticed: $(grep -m1 failed: "$work/out" | sed 's/.*failed: //')"
  fi
  echo "$site: $verdict"
done

total=${#sites[@]}
(( total > 0 )) || { echo "The test reaches no barrier."; exit 1; }
echo "$missed of $total barriers are missed by the test when they are gone," \
  "$deadlocks of them by a deadlock; survivors: ${survivors[*]:-none}"
(( missed * 100 >= least * total ))
