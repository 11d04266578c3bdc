#pragma once
/// The mark of one place in the patched sources, over all cells. Internal to lib/reach.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/reach/reach.h"
#include "lib/reach/source.h"

namespace kiln::reach {

/// How a place ended, with the tests that ran it.
struct Assessment {
  struct Ran {
    uint64_t count = 0;
    uint32_t order = 0;  ///< in which the tests ran
  };
  Mark mark = Mark::kNone;
  std::string why;
  std::map<std::string, Ran> tests;
  std::vector<std::string> cells;

  /// The greater mark stays; two that were executed add up.
  void merge(const Assessment& other);
};

/// Answers for all touched files (and the users of touched headers) of one input, which must
/// outlive it.
class Assessor {
 public:
  explicit Assessor(const Input& input);

  /// A line of the patched file. A path that the input does not have is a defect of the caller.
  [[nodiscard]] Assessment line(const std::string& path, int line) const;
  /// What was removed before `line` of the patched file.
  [[nodiscard]] Assessment removed_before(const std::string& path, int line) const;

  [[nodiscard]] const Source& source(const std::string& path) const { return at(path).source; }
  /// The function around a line as gcov names it, else as the text does; "" = none.
  [[nodiscard]] std::string function(const std::string& path, int line) const;
  /// In how many objects of any cell the file is.
  [[nodiscard]] bool in_any_object(const std::string& path) const;

 private:
  struct File {
    const std::string* text = nullptr;
    Source source;
  };
  [[nodiscard]] const File& at(const std::string& path) const { return files_.at(path); }
  Assessment in_cell(const CellEvidence& cell, const std::string& path, int line) const;
  Assessment removed_in_cell(const CellEvidence& cell, const std::string& path, int line) const;
  Assessment macro(const std::string& path, const Macro& macro) const;
  Assessment find_macro(const std::string& path, const Macro& macro) const;

  const Input& input_;
  std::map<std::string, File> files_;
  mutable std::map<const Macro*, Assessment> macros_;  ///< found already; one thread uses this
};

}  // namespace kiln::reach
