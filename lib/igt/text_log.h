#pragma once
/// The text files of one test (journal.txt, out.txt, err.txt), as igt_runner before 1.27 or a test
/// without a socket leaves them. Pure. Internal.
#include <string>
#include <string_view>
#include <vector>

#include "lib/igt/collector.h"

namespace kiln::igt {

/// Reads out.txt (its marks tell what started and ended) and journal.txt (what started, how the
/// binary ended: `exit:0 (1.234s)`, `timeout:-15 (60.1s)`) into a Collector. Returns IGT's version
/// line, if any.
std::string read_text_log(std::string_view journal, std::string_view out, Collector& into);

/// A part of err.txt between marks.
struct ErrPart {
  std::string subtest;  ///< "" = before the first mark
  std::string dynamic;
  std::string text;
};
std::vector<ErrPart> split_err(std::string_view err);

/// Adds each part to the test it belongs to; what stands before the first mark to the first test.
void add_err(std::string_view err, std::vector<Told>& tests, Budget& budget);

}  // namespace kiln::igt
