#!/usr/bin/env bash
# Checks and measures lnrnn on this machine, part by part:
#
#   ./run.sh [info|native|junit|parity|sanitizer|calibrate|bench|peers|all]
#
# Each part has at most 8 minutes, and leaves its log and its status in $OUT; after the last one a
# table is printed and results.json written there. A part that this machine does not allow is skipped,
# with a sentence. The exit status is 1 where a part failed.
#
#   OUT              where results go; ./results
#   DEVICE           what is tested and measured; cuda:0 (or cpu, to try the scripts)
#   LNRNN_LIBRARY    the native library; lib/liblnrnn.so
#   LNRNN_CALIBRATE  what calibrates; native/lnrnn_calibrate
#   SMOKE            if set, the calibration does everything once and small: no limits come of it
#   SHAPES           which shapes are measured; ABCDEF
#   TYPES            in which data types by the part bench; all
#   SECONDS_EACH     how long each of them is measured; 0.5
set -uo pipefail
bundle=$(cd "$(dirname "$0")" && pwd)
export OUT=${OUT:-./results} DEVICE=${DEVICE:-cuda:0} SHAPES=${SHAPES:-ABCDEF}
export TYPES=${TYPES:-} SECONDS_EACH=${SECONDS_EACH:-0.5}
export LNRNN_LIBRARY=${LNRNN_LIBRARY:-$bundle/lib/liblnrnn.so}
export LNRNN_CALIBRATE=${LNRNN_CALIBRATE:-$bundle/native/lnrnn_calibrate} SMOKE=${SMOKE:-}
readonly parts=(info native junit parity sanitizer calibrate bench peers)
readonly part_seconds=480
readonly skipped=77

# What this machine does not allow.
skip() {
  echo "$*"
  exit "$skipped"
}

lnrnn_java() {
  "$bundle/runtime/bin/java" -Dlnrnn.library="$LNRNN_LIBRARY" \
    --enable-native-access=ALL-UNNAMED "$@"
}

# Programs that run a second or two: quick to start.
lnrnn_bench() {
  lnrnn_java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar "$bundle/jars/lnrnn-bench.jar" "$@"
}

need_device() {
  local sentence
  sentence=$("$bundle/native/lnrnn_device_benchmark" --device "$DEVICE" --probe 2>&1) ||
    skip "$sentence"
}

need_cuda() {
  [[ $DEVICE == cuda:* ]] || skip "$DEVICE is not a CUDA device"
  need_device
}

part_info() {
  uname -a
  if command -v nvidia-smi > /dev/null; then
    nvidia-smi
    nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1 > "$OUT/driver.txt"
  fi
  lnrnn_bench info --json > "$OUT/info.json" && lnrnn_bench info
}

# A test may find that what it is about is not there.
native_test() {
  local status=0
  echo "== $*"
  "$@" || status=$?
  ((status == 0 || status == skipped)) || echo "== failed with status $status"
  ((status == 0 || status == skipped))
}

# The native tests whose names match, with a selection of what they do if not empty, and the calibration's
# kernels, as arguments of the command given.
native_tests() {
  local names=$1 selection=$2 failed=0 test
  shift 2
  for test in "$bundle"/native/tests/$names; do
    native_test "$@" "$test" $selection || failed=1
  done
  native_test "$@" "$LNRNN_CALIBRATE" --device "$DEVICE" --smoke || failed=1
  return "$failed"
}

part_native() {
  need_cuda
  native_tests '*' '' env
}

part_junit() {
  need_device
  # What is about the processor's own threads and memory has no place on another device.
  local tests="device & !cpu" junit=$bundle/junit
  [[ $DEVICE != cpu ]] || tests=device
  lnrnn_java -Dlnrnn.test.device="$DEVICE" \
    -cp "$junit/classes:$junit/test-classes:$bundle:$bundle/jars/lnrnn-bench.jar:$junit/console.jar" \
    org.junit.platform.console.ConsoleLauncher execute \
    --scan-classpath "$junit/test-classes" --include-tag "$tests" --fail-if-no-tests --disable-banner \
    --details=tree --disable-ansi-colors --reports-dir="$OUT/junit"
}

# Exit statuses of the command parity, and the one refusal that only means: nothing was asked.
parity_state() {
  case $1 in
    0) echo holds ;;
    1) echo fails ;;
    3) echo unsupported ;;
    *) if grep -q "states no bound" "$2"; then echo unasked; else echo fails; fi ;;
  esac
}

# A case in a data type: leaves a line in $3.json, and what a reader wants to know in $3.text.
check_parity() {
  local name status=0 state
  name=$(basename "$1" .safetensors)
  lnrnn_bench parity "$1" --out "$3.safetensors" --device "$DEVICE" --dtype "$2" --check \
    > "$3.output" 2>&1 || status=$?
  state=$(parity_state "$status" "$3.output")
  printf '{"case": "%s", "dtype": "%s", "state": "%s"}\n' "$name" "$2" "$state" > "$3.json"
  printf '%-32s %-5s %s\n' "$name" "$2" "$state" > "$3.text"
  [[ $state != fails ]] || cat "$3.output" >> "$3.text"
}

part_parity() {
  need_device
  local case dtype scratch dtypes=(f64 f32 bf16 f16)
  scratch=$(mktemp -d)
  : > "$OUT/parity.jsonl"
  for case in "$bundle"/cases/*.safetensors; do
    # Side by side: most of the time goes to starting.
    for dtype in "${dtypes[@]}"; do
      check_parity "$case" "$dtype" "$scratch/$dtype" &
    done
    wait
    for dtype in "${dtypes[@]}"; do
      cat "$scratch/$dtype.json" >> "$OUT/parity.jsonl"
      cat "$scratch/$dtype.text"
      rm "$scratch/$dtype".*
    done
  done
  rm -rf "$scratch"
  ! grep -q '"fails"' "$OUT/parity.jsonl"
}

part_sanitizer() {
  need_cuda
  local sanitizer tool failed=0
  sanitizer=$(PATH=$PATH:/usr/local/cuda/bin type -P compute-sanitizer) ||
    skip "compute-sanitizer is not installed"
  for tool in memcheck racecheck synccheck; do
    echo "=== $tool"
    # The three together are within the time of the part.
    timeout $((part_seconds / 3 - 10)) "$BASH" "$bundle/run.sh" --sanitized "$sanitizer" "$tool" ||
      failed=1
  done
  return "$failed"
}

part_calibrate() {
  need_cuda
  "$LNRNN_CALIBRATE" --device "$DEVICE" --out "$OUT/calibration.json" ${SMOKE:+--smoke} || {
    local status=$?
    ((status != 2)) || skip "the calibration found no CUDA device"
    return "$status"
  }
  cat "$OUT/calibration.json"
}

part_bench() {
  need_device
  "$bundle/native/lnrnn_device_benchmark" --device "$DEVICE" --out "$OUT/bench.jsonl" \
    --shapes "$SHAPES" ${TYPES:+--types "$TYPES"} --seconds "$SECONDS_EACH" || return
  cat "$OUT/bench.jsonl"
}

part_peers() {
  command -v python3 > /dev/null || skip "there is no python3, so no PyTorch"
  python3 -c 'import torch' 2> /dev/null || skip "PyTorch is not installed"
  need_device
  [[ $DEVICE == cpu ]] || python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
    skip "PyTorch finds no CUDA device"
  python3 "$bundle/peers.py" --device "$DEVICE" --out "$OUT" --shapes "$SHAPES" \
    --seconds "$SECONDS_EACH" --bundle "$bundle" --library "$LNRNN_LIBRARY"
}

# A JVM of our own, unpacked once, with its classes' archive, without which it starts slowly.
unpack_runtime() {
  [[ ! -d $bundle/runtime ]] || return 0
  local scratch=$bundle/runtime.unpacking
  rm -rf "$scratch"
  mkdir "$scratch" || return
  if command -v xz > /dev/null; then
    tar -xJf "$bundle/runtime.tar.xz" -C "$scratch"
  elif command -v python3 > /dev/null; then
    python3 -m tarfile -e "$bundle/runtime.tar.xz" "$scratch"
  else
    echo "Unpacking runtime.tar.xz needs xz or python3, and neither is installed." >&2
    return 1
  fi && "$scratch/runtime/bin/java" -Xshare:dump > /dev/null 2>&1 && mv "$scratch/runtime" "$bundle/runtime" && rmdir "$scratch"
}

# cuBLAS, which comes with CUDA or with PyTorch, and the library under test before all others.
find_libraries() {
  local cublas
  cublas=$(python3 -c 'import nvidia, glob
print(":".join(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib")))' 2> /dev/null) || cublas=
  LD_LIBRARY_PATH=$(dirname "$LNRNN_LIBRARY"):${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}
  export LD_LIBRARY_PATH=$LD_LIBRARY_PATH/usr/local/cuda/lib64${cublas:+:$cublas}
}

run_part() {
  local part=$1 status=0 state sentence= start=$SECONDS
  echo "--- $part"
  # In the background, so that a signal is not kept until the part is done.
  timeout --kill-after=10 "$part_seconds" "$BASH" "$bundle/run.sh" "--within" "$part" 2>&1 |
    tee "$OUT/$part.log" &
  wait "$!" || status=$?
  case $status in
    0) state=ok ;;
    "$skipped")
      state=skipped
      sentence=$(tail -1 "$OUT/$part.log")
      status=0
      ;;
    124 | 137) state=timeout sentence="stopped after $part_seconds seconds" ;;
    *) state=failed sentence="exit status $status" ;;
  esac
  echo "$state $((SECONDS - start)) $sentence" > "$OUT/$part.status"
  echo "--- $part: $state${sentence:+, $sentence}"
  return "$status"
}

# The script calls itself where time is limited.
case ${1:-} in
  --within)
    "part_$2"
    exit
    ;;
  --sanitized)
    sanitizer=("$2" --tool "$3" --error-exitcode 1)
    # What CUDA refuses the library turns into a status, and tests ask for that.
    [[ $3 != memcheck ]] || sanitizer+=(--report-api-errors no)
    # Races are those within a kernel, and device_test runs all kernels; where threads queue at once, as
    # in the others, racecheck loses track of launches. What the blocks of a cluster tell each other without
    # a barrier is no race, but to racecheck it is.
    names='*' selection=
    [[ $3 != racecheck ]] || names=device_test selection=steps
    native_tests "$names" "$selection" "${sanitizer[@]}"
    exit
    ;;
esac

chosen=("${1:-all}")
if [[ ${chosen[0]} == all ]]; then
  chosen=("${parts[@]}")
elif [[ " ${parts[*]} " != *" ${chosen[0]} "* ]]; then
  echo "There is no part '${chosen[0]}'; there are: ${parts[*]} all" >&2
  exit 2
fi
mkdir -p "$OUT" && OUT=$(cd "$OUT" && pwd) || exit 2
unpack_runtime || exit 2
find_libraries
failed=0
# Whoever stops this script stops the part that runs, with all its programs.
trap 'kill $(jobs -p); exit 130' INT TERM
for part in "${chosen[@]}"; do
  run_part "$part" || failed=1
done
lnrnn_bench results "$OUT" || failed=1
exit "$failed"
