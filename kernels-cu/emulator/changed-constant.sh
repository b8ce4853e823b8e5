#!/usr/bin/env bash
# Shows that the emulated device runs the very kernels of src/cuda: changes one constant in a copy of
# them, and runs a reference case from Java. It must fail on cuda:0 and hold on the CPU, and hold on
# both with the kernels as they are.
#
#   changed-constant.sh       after `mvn package`; JAVA names a Java 22 or later (default: java)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
java=${JAVA:-java}
jar=$root/bench/target/lnrnn-bench.jar
case_file=$root/ffi/src/test/resources/cases/lstm_haste_basic.safetensors
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

holds() { # library device
  "$java" -Dlnrnn.library="$1" -jar "$jar" parity "$case_file" --device "$2" --dtype f32 --check \
    --out "$work/result.safetensors" > "$work/log" 2>&1
}
expect() { # holds|fails library device what
  local status=0
  holds "$2" "$3" || status=$?
  if [[ $1 = holds && $status != 0 || $1 = fails && $status != 1 ]]; then
    cat "$work/log"
    echo "$4 on $3: exit status $status, but it was expected that parity $1"
    exit 1
  fi
  echo "$4 on $3: parity $1"
}

original=$root/kernels-cu/target/emulated/liblnrnn.so
expect holds "$original" cpu "the kernels as they are"
expect holds "$original" cuda:0 "the kernels as they are"

cp -r "$root/kernels-cu" "$work/changed"
rm -rf "$work/changed/target"
constant='static_cast<T>(width) + epsilon'
changed='static_cast<T>(width + hidden) + epsilon'
file=src/cuda/row/forward_row.cuh
sed -i "s/$constant/$changed/" "$work/changed/$file"
if cmp -s "$root/kernels-cu/$file" "$work/changed/$file"; then
  echo "$file has no such constant any more: $constant"
  exit 1
fi
cmake -S "$work/changed" -B "$work/build" -DLNRNN_CUDA=off -DLNRNN_TESTS=OFF > "$work/log"
cmake --build "$work/build" --target lnrnn_emulated --parallel "$(nproc)" > "$work/log"
library=$work/build/emulated/liblnrnn.so
expect holds "$library" cpu "a norm of 5H instead of 4H elements"
expect fails "$library" cuda:0 "a norm of 5H instead of 4H elements"
