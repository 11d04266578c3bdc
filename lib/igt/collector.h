#pragma once
/// What one execution of a test binary told, in order: subtests and dynamic subtests with their
/// texts and outcomes. Fed from `comms` or from the text files. Pure. Internal.
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/igt/bounded.h"

namespace kiln::igt {

/// One test as far as its binary told it.
struct Told {
  std::string subtest;  ///< "" = the binary has none
  std::string dynamic;
  std::string outcome;  ///< "" = it started and nothing more is known
  double seconds = 0;
  std::string reason;  ///< as the test's own result message says it
  BoundedText out;
  BoundedText err;
  bool err_text = false;  ///< the test wrote something to stderr before it ended
};

/// "SUCCESS" -> "pass", "SKIP", "FAIL", "CRASH", "TIMEOUT"; other words -> "incomplete".
std::string_view outcome_of_word(std::string_view word);
/// 0 pass, 77 and 79 skip, 112 abort, -SIGHUP notrun, others fail.
std::string_view outcome_of_exit(int code);

class Collector {
 public:
  /// `requested`: the first subtest that was asked for, "" for a whole binary. It is named when
  /// the binary ends without a word about any subtest.
  Collector(std::string requested, size_t text_bytes, size_t max_tests, Budget& budget)
      : requested_(std::move(requested)),
        text_bytes_(text_bytes),
        max_tests_(max_tests),
        budget_(&budget) {}

  void executed();
  void log(bool is_err, std::string_view text);
  void subtest_started(std::string_view name);
  void subtest_ended(std::string_view name, std::string_view word, double seconds,
                     std::string_view reason);
  void dynamic_started(std::string_view name);
  void dynamic_ended(std::string_view name, std::string_view word, double seconds,
                     std::string_view reason);
  /// igt_runner decided: the most recent test ended like this.
  void overridden(std::string_view outcome);
  void exited(int code, double seconds);

  /// Nothing more comes. A test without an outcome gets "incomplete".
  std::vector<Told> take();
  [[nodiscard]] bool too_many() const { return too_many_; }
  [[nodiscard]] bool has_tests() const { return !told_.empty(); }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  size_t add(std::string_view subtest, std::string_view dynamic);
  void mark(size_t index, const std::string& line);
  void take_pending(size_t index);
  void end(size_t index, std::string_view word, double seconds, std::string_view reason);
  Told* at(size_t index) { return index == kNone ? nullptr : &told_[index]; }

  std::string requested_;
  size_t text_bytes_;
  size_t max_tests_;
  Budget* budget_;
  std::vector<Told> told_;
  std::unordered_map<std::string, size_t> by_name_;
  size_t subtest_ = kNone;
  size_t dynamic_ = kNone;
  bool subtest_open_ = false;
  bool dynamic_open_ = false;
  BoundedText pending_out_{16 << 10};
  BoundedText pending_err_{16 << 10};
  bool pending_err_text_ = false;
  /// Kept for subtests that a fixture ended before they began: the first one's words hold for all.
  BoundedText fixture_out_{16 << 10};
  BoundedText fixture_err_{16 << 10};
  std::string override_;
  bool exited_ = false;
  bool told_since_exec_ = false;
  bool too_many_ = false;
};

}  // namespace kiln::igt
