#include "agent/test/guest.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>

#include "lib/base/text.h"

namespace kiln::agent {

std::string phase_folder(size_t phase) {
  return fmt::format("/kiln/phase-{}", phase);
}

std::string once_script(const std::string& token, const std::string& command) {
  // The shell's own words nearly alone: a program's start costs an emulated machine 25 ms. Whoever
  // makes the file first runs the command; who comes later waits for the end of that, and runs it
  // only when that was none or a bad one. What dies with the machine's memory is the right place.
  return fmt::format(
      "f=/run/kiln-{}\n"
      "if ! (set -C; echo $$ >$f) 2>/dev/null && [ -e $f ]; then\n"
      "  until [ -e $f.done ]; do\n"
      "    p=; read -r p <$f; [ -z \"$p\" ] || kill -0 $p 2>/dev/null || break; sleep 0.1\n"
      "  done\n"
      "  [ ! -e $f.done ] || exit 0\n"
      "  echo $$ >$f\n"
      "fi\n"
      "(eval {}) >$f.out 2>&1\ncode=$?\n"
      "[ $code != 0 ] || : >$f.done\n"
      "[ $code = 0 ] || cat $f.out >&2\nexit $code\n",
      token, shell_quote(command));
}

std::string list_script(const std::string& folder, size_t size) {
  return fmt::format(
      "rm -rf {0} && mkdir -p {0} && cat >{0}/list && [ $(wc -c <{0}/list) = {1} ] && "
      "sync -f {0}/list",
      shell_quote(folder), size);
}

std::string start_script(const std::string& folder, int attempt,
                         const std::vector<std::string>& argv) {
  // The exit code is written before the process ends: who waits for the process finds it.
  const std::string inner =
      fmt::format("{} >out.{} 2>&1; echo $? >exit.{}", shell_join(argv), attempt, attempt);
  return fmt::format(
      "cd {} && rm -f results/aborted.txt && : >out.{} && {{ setsid sh -c {} </dev/null >/dev/null "
      "2>&1 & echo $! >pid.{}; }} "
      "&& cat pid.{}",
      shell_quote(folder), attempt, shell_quote(inner), attempt, attempt);
}

std::string follow_script(const std::string& folder, int attempt, uint64_t offset) {
  return fmt::format(
      "cd {0} && p=$(cat pid.{1}) && tail -c +{2} -s 0.05 -f --pid=$p out.{1}; "
      "cat exit.{1} >&2; "
      // Before its first test igt_runner leaves a file; behind a test, that test's last packet.
      "if [ -e results/aborted.txt ] || find results -mindepth 2 -maxdepth 2 -name comms "
      "-newer pid.{1} -exec tail -q -c 6 {{}} + 2>/dev/null | grep -aq abort; "
      "then echo {3} >&2; fi",
      shell_quote(folder), attempt, offset + 1, kAbortedWord);
}

std::string kill_script(const std::string& folder, int attempt) {
  return fmt::format("cd {} && p=$(cat pid.{}) && kill -TERM -$p; sleep 1; kill -KILL -$p; true",
                     shell_quote(folder), attempt);
}

std::string kill_test_script(const std::string& folder, int attempt) {
  // The shell that wrote the pid is the runner's parent; each test leads a group of its own.
  return fmt::format(
      "cd {} && for r in $(pgrep -P $(cat pid.{})); do for t in $(pgrep -P $r); do "
      "kill -KILL -$t; kill -KILL $t; done; done 2>/dev/null; true",
      shell_quote(folder), attempt);
}

std::string fetch_script(const std::string& folder, uint64_t max_file_bytes,
                         uint64_t max_total_bytes) {
  // Cutting in place needs no room: the disk may be full. The beginning is kept; the kernel's own
  // words are on the console as well.
  const auto cut = [](uint64_t limit) {
    return fmt::format(
        "find . -type f -size +{0}c -printf '%s %P\\n' | while read -r size name; do "
        "truncate -s {0} \"./$name\" && echo \"kiln-cut $size $name\" >&2; done",
        limit);
  };
  return fmt::format(
      "cd {}/results 2>/dev/null || exit 0\n{}\n"
      "total=$(du -sb . | cut -f1)\n[ \"$total\" -le {} ] || {{ {}; }}\n"
      // Under emulation ciphers cost more than compression.
      "if command -v zstd >/dev/null; then tar -cf - . | zstd -q -1 -c; else tar -cf - .; fi\n",
      shell_quote(folder), cut(max_file_bytes), max_total_bytes, cut(64 << 10));
}

std::vector<Cut> read_cuts(std::string_view text) {
  constexpr std::string_view kPrefix = "kiln-cut ";
  std::vector<Cut> out;
  for (const std::string& line : split_lines(text)) {
    if (!line.starts_with(kPrefix) || out.size() >= 1000) continue;
    const size_t space = line.find(' ', kPrefix.size());
    if (space == std::string::npos) continue;
    Cut cut;
    std::from_chars(line.data() + kPrefix.size(), line.data() + space, cut.bytes);
    cut.file = line.substr(space + 1);
    out.push_back(std::move(cut));
  }
  return out;
}

std::optional<TestStart> read_test_start(std::string_view line) {
  static const re2::RE2 kPattern(
      R"(\[\s*[0-9.]+\] \[(\d{1,6})/(\d{1,6})\] ([A-Za-z0-9_.-]+)(?: \(([^)]*)\))?\s*)");
  TestStart start;
  std::string binary;
  std::string subtests;
  if (!re2::RE2::FullMatch(re2::StringPiece(line.data(), line.size()), kPattern, &start.index,
                           &start.total, &binary, &subtests))
    return std::nullopt;
  start.test = "igt@" + binary;
  if (!subtests.empty() && subtests.find(',') == std::string::npos &&
      subtests.find(' ') == std::string::npos)
    start.test += "@" + subtests;
  return start;
}

}  // namespace kiln::agent
