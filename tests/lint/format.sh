#!/bin/bash
# format.sh ROOT: every C++ file is as clang-format leaves it.
cd "$1" || exit 1
find lib controller agent cli tests $([ -d bench ] && echo bench) -name '*.h' -o -name '*.cpp' | xargs clang-format --dry-run -Werror
