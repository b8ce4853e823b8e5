#!/usr/bin/env bash
# Lays out the C++ and CUDA sources as .clang-format says. With --check names each line that is not, and changes nothing.
# Needs clang-format 14, for versions differ: without it says so and exits with 77, which CTest counts as skipped; that is
# all that --find does.
set -euo pipefail
cd "$(dirname "$0")"

find_clang_format() {
  local candidate
  for candidate in clang-format-14 clang-format; do
    if "$candidate" --version 2> /dev/null | grep -q 'version 14\.'; then
      echo "$candidate"
      return
    fi
  done
}

clang_format=$(find_clang_format)
if [[ -z "$clang_format" ]]; then
  echo "The layout of the C++ sources is not checked: there is no clang-format 14 (Debian: apt-get install clang-format-14)."
  exit 77
fi
[[ "${1:-}" != --find ]] || exit 0
mapfile -t sources < <(find bench emulator include src test -name '*.[ch]' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')
if [[ "${1:-}" != --check ]]; then
  "$clang_format" -i "${sources[@]}"
elif ! "$clang_format" --dry-run -Werror "${sources[@]}"; then
  echo "Sources are not laid out as .clang-format says, see above. This mends it: kernels-cu/format.sh"
  exit 1
fi
