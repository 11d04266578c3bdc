#pragma once
/// The kernel's log while a test ran: dmesg.txt of a result folder (records of /dev/kmsg) and the
/// "dmesg" texts of results.json (`<4> [12.345678] text`). Pure. Internal.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "lib/igt/bounded.h"

namespace kiln::igt {

struct KernelText {
  BoundedText all;    ///< as `<level> [seconds.microseconds] text` lines
  BoundedText words;  ///< those of level warning or worse that neither IGT wrote nor IGT ignores
};

struct KernelLog {
  /// (subtest, dynamic subtest), lower case. Lines before the first mark belong to the first
  /// subtest; a dynamic subtest's lines stand with its subtest, too.
  std::map<std::pair<std::string, std::string>, KernelText> of_test;
  /// Everything, when no subtest was marked as started.
  KernelText unmarked;
  size_t bad_lines = 0;  ///< lines that are no record
};

/// dmesg.txt. At most `max_tests` tests are told apart; texts are bounded by `text_bytes` each.
KernelLog read_kmsg(std::string_view dmesg_txt, size_t text_bytes, size_t max_tests,
                    Budget& budget);

/// The kernel's words of a text that igt_runner formatted.
std::string kernel_words(std::string_view formatted, size_t max_bytes);

/// The outcome after the kernel's words: pass and warn become dmesg-warn, fail becomes dmesg-fail.
/// A test that says SUCCESS while the kernel complains is not a plain pass.
std::string with_kernel_words(std::string_view outcome, bool has_words);

}  // namespace kiln::igt
