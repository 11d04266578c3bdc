#pragma once
/// Which filters cover what a boot showed. Pure; safe for concurrent use.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/known/filter.h"

namespace re2 {
class RE2;
}

namespace kiln::known {

/// One report of the kernel's.
struct Report {
  std::string signature;  ///< "" = it has none: only a text can cover it
  std::string text;       ///< title and the report itself, raw bytes
};

/// What one boot showed of one test; of no test ("") for a report outside of any.
struct Occurrence {
  std::string test;
  std::string config;
  std::string machine;
  std::vector<std::string> tags;
  std::string outcome;
  std::string text;           ///< its reason and the kernel's words while it ran, raw bytes
  bool kernel_error = false;  ///< those words hold an error
  std::vector<Report> reports;
};

/// One filter, its expression compiled.
class Matcher {
 public:
  /// kBadInput when the expression is none.
  static Result<Matcher> compile(Filter filter);
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  [[nodiscard]] const Filter& filter() const { return filter_; }
  /// Machine, tag, config, test and outcome: all that needs no text.
  [[nodiscard]] bool fits(const Occurrence& seen) const;
  /// Covers this report of it. A filter without signature and text covers no report.
  [[nodiscard]] bool covers_report(const Report& report) const;
  /// Covers the result itself, where no report was cut. Without a text it covers none in which the
  /// kernel logged an error.
  [[nodiscard]] bool covers_result(const Occurrence& seen) const;

 private:
  Matcher(Filter filter, std::unique_ptr<re2::RE2> text);
  Filter filter_;
  std::unique_ptr<re2::RE2> text_;  ///< nullptr = any
};

/// What covers an occurrence.
struct Cover {
  bool covered = false;
  std::vector<int64_t> by;  ///< ids, ascending, each once; also of filters that cover a part only
};

/// Matchers that hold for a run that ended then, of many.
std::vector<const Matcher*> holding(const std::vector<Matcher>& filters, WallTime ended);

/// An occurrence is covered when each of its kernel reports is, by whichever filter fits; one
/// without reports when its result is. So a known failure never hides a new report of the kernel's.
Cover cover(const std::vector<const Matcher*>& filters, const Occurrence& seen);

/// Compiled; one that does not compile is left out (check() lets none in).
std::vector<Matcher> compile(const std::vector<Filter>& filters);

}  // namespace kiln::known
