#include "agent/test/coverage.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

/// Outside of the phases' folders, which igt_runner's own begins by emptying.
std::string collector_of(const std::string& folder) {
  return folder.substr(0, folder.rfind('/')) + "/collect";
}

std::string take(const std::string& folder, const std::string& label) {
  return fmt::format("IGT_HOOK_EVENT=kiln IGT_HOOK_TEST_FULLNAME={} sh {} {}", shell_quote(label),
                     shell_quote(collector_of(folder)), shell_quote(folder));
}

// The file `current` names what runs: a test that is killed says no goodbye, and its counters are
// taken when the next one begins. gcov's files have no size, but cp reads to their end.
constexpr const char* kCollector = R"sh(#!/bin/sh
gcov=@GCOV@
cd "$1" && [ -w "$gcov/reset" ] || exit 0
folder=$PWD
take() {
	n=0
	[ ! -e count ] || read -r n <count
	case $n in *[!0-9]*|'') n=0 ;; esac
	while [ -e "$n" ]; do n=$((n + 1)); done
	mkdir "$n" || return 0
	echo "$1" >"$n/name"
	(cd "$gcov" && find . -name '*.gcda' -exec cp --parents -t "$folder/$n" {} +)
	echo $((n + 1)) >count
	echo 0 >"$gcov/reset"
}
last=
[ ! -e current ] || read -r last <current
now=$IGT_HOOK_TEST_FULLNAME
case $IGT_HOOK_EVENT in
pre-test)
	if [ -n "$last" ]; then
		take "$last"
	elif [ -e after ]; then
		read -r after <after
		take "(after $after)"
	fi
	echo "$now" >current
	;;
pre-subtest | pre-dyn-subtest)
	case $last in *@*@*) take "$last" ;; esac
	echo "$now" >current
	;;
post-test)
	take "${last:-$now}"
	echo "${last:-$now}" >after
	rm -f current
	;;
kiln)
	[ -z "$last" ] || take "$last"
	take "$now"
	rm -f current after
	;;
esac
exit 0
)sh";

}  // namespace

std::string coverage_folder(size_t phase) {
  return fmt::format("/kiln/coverage/{}", phase);
}

std::string collector(const std::string& gcov) {
  std::string text = kCollector;
  constexpr std::string_view kPlace = "@GCOV@";
  text.replace(text.find(kPlace), kPlace.size(), shell_quote(gcov));
  return text;
}

std::string coverage_begin_script(const std::string& folder, const std::string& label,
                                  const std::string& gcov) {
  return fmt::format("[ -w {}/reset ] || exit {}; mkdir -p {} && cat >{} && {}", shell_quote(gcov),
                     kNoGcov, shell_quote(folder), shell_quote(collector_of(folder)),
                     take(folder, label));
}

std::string coverage_hook(const std::string& folder) {
  return fmt::format("pre-test,pre-subtest,pre-dyn-subtest,post-test:sh {} {}",
                     shell_quote(collector_of(folder)), shell_quote(folder));
}

std::string coverage_end_script(const std::string& folder, const std::string& label,
                                uint64_t max_bytes) {
  return fmt::format(
      "{} && cd {} && [ \"$(du -sb . | cut -f1)\" -le {} ] || exit {}\n"
      "if command -v zstd >/dev/null; then tar -cf - . | zstd -q -3 -c; else tar -cf - .; fi\n",
      take(folder, label), shell_quote(folder), max_bytes, kTooMuchCoverage);
}

}  // namespace kiln::agent
