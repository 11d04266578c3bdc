#!/bin/bash
# tests/lint/tidy.sh HOME BUILD [FILE...]: clang-tidy (.clang-tidy) over the named sources, else over those that differ
# from the commit TIDY_SINCE (default HEAD~1); BUILD has compile_commands.json. The whole tree takes
# half an hour on two cores, so that it is no part of `tests/run`: TIDY_SINCE=all asks for it.
set -u
home=$(cd "$1" && pwd) build=$2
shift 2
cd "$home" || exit 2
if ! command -v clang-tidy >/dev/null; then
	echo "error: clang-tidy is not installed; mend: apt-get install clang-tidy" >&2
	exit 2
fi
if ! [ -f "$build/compile_commands.json" ]; then
	echo "error: $build has no compile_commands.json; mend: cmake -S . -B $build -G Ninja" >&2
	exit 2
fi
since=${TIDY_SINCE:-HEAD~1}
if [ $# -gt 0 ]; then
	files=("$@")
elif [ "$since" = all ]; then
	mapfile -t files < <(git ls-files 'lib/*.cpp' 'controller/*.cpp' 'agent/*.cpp' 'cli/*.cpp' | grep -v _test.cpp)
else
	mapfile -t files < <(git diff --name-only --diff-filter=d "$since" -- '*.cpp' | grep -v _test.cpp)
fi
[ ${#files[@]} -gt 0 ] || exit 0
# -Wno-...: flags of the compiler in use that clang does not know.
printf '%s\0' "${files[@]}" |
	xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option
