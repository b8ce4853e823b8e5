#!/usr/bin/env bash
# Puts the GPU bundle together; called by Maven's profile gpu-bundle, in bench.
#
#   assemble.sh BUNDLE BENCH_JAR JUNIT_CONSOLE_JAR
set -euo pipefail
bundle=$1
bench_jar=$2
console_jar=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
largest_mib=45
# What the programs and JUnit's launcher use of Java: no desktop, so no charts.
modules=java.base,java.logging,java.management,java.xml,jdk.unsupported

java_home=${TOOLCHAIN_JAVA_HOME:-${JAVA_HOME:?is not set, and there is no toolchain}}
rm -rf "$bundle"
mkdir -p "$bundle"/{jars,junit}
cmake --install "$root/kernels-cu/target/native" --component gpu-bundle --prefix "$bundle" --strip > /dev/null
cp "$bench_jar" "$bundle/jars/lnrnn-bench.jar"
cp "$console_jar" "$bundle/junit/console.jar"
# As folders, for the tests look into them, and for their cases.
cp -r "$root/ffi/target/classes" "$root/ffi/target/test-classes" "$bundle/junit/"
mv "$bundle/junit/test-classes/cases" "$bundle/cases"
cp "$here"/{run.sh,peers.py,README.md} "$bundle/"

# Not compressed by jlink: xz does that better.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$java_home/bin/jlink" --add-modules "$modules" --strip-java-debug-attributes --no-header-files \
  --no-man-pages --compress=zip-0 --output "$scratch/runtime"
tar -cJf "$bundle/runtime.tar.xz" -C "$scratch" runtime

kib=$(du -sk --apparent-size "$bundle" | cut -f1)
echo "GPU bundle: $bundle, $(((kib + 1023) / 1024)) MiB"
if ((kib > largest_mib * 1024)); then
  echo "It may have $largest_mib MiB." >&2
  exit 1
fi
