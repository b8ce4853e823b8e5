#!/usr/bin/env bash
# Are gradients the same to the bit, whatever order blocks and lanes run in? Runs `PROGRAM digest`, which
# prints a number that stands for all bits, on the emulated device under several schedules.
#
#   same-bits.sh TEST_PROGRAM [SEED...]
set -euo pipefail
program=$1
shift
seeds=("$@")
(( $# > 0 )) || seeds=(1 2 3 4)
first=
for seed in "${seeds[@]}"; do
  digest=$(LNRNN_EMULATOR_SEED=$seed "$program" digest)
  echo "seed $seed: $digest"
  [[ -n $digest && ( -z $first || $digest = "$first" ) ]] || { echo "Other bits."; exit 1; }
  first=$digest
done
