#!/usr/bin/env bash
# Puts the GPU bundle together; called by Maven's profile gpu-bundle, in bench.
#
#   assemble.sh BUNDLE NATIVE_BUILD JAR...
set -euo pipefail
bundle=$1
native_build=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
largest_mib=45
# What the programs and JUnit's launcher, which looks into jars, use of Java: no desktop, so no charts.
modules=java.base,java.logging,java.management,java.xml,jdk.unsupported,jdk.zipfs

java_home=${TOOLCHAIN_JAVA_HOME:-${JAVA_HOME:?is not set, and there is no toolchain}}
rm -rf "$bundle"
mkdir -p "$bundle"/{jars,cases}
cmake --install "$native_build" --component gpu-bundle --prefix "$bundle" --strip > /dev/null
cp "$@" "$bundle/jars/"
cp "$here"/../../ffi/src/test/resources/cases/*.safetensors "$bundle/cases/"
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
