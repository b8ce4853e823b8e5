#!/usr/bin/env bash
# Names each line of a Java source that differs from the formatter's copy in target/java-format.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS= read -r -d '' copy; do
  source=${copy#target/java-format/}
  cmp -s "$source" "$copy" && continue
  diff --changed-group-format="$source:%df: differs from the layout of .mvn/java-format.xml:
%<" --unchanged-group-format='' "$source" "$copy" || true
  status=1
done < <(find target/java-format -name '*.java' -print0 | sort -z)
if (( status != 0 )); then
  echo "This mends it: mvn -q -N formatter:format"
fi
exit "$status"
