#pragma once
/// The filter of lists, the same in the dashboard's addresses and after `--where`
/// (dashboards/src/lib/filter.ts). Pure.
///
///   filter := term (" " term)*                          all terms hold
///   term   := ["-"] [key ":"] value ("," value)*        any of the values does
///   value  := glob (* and ?), without case; in double quotes when it has blanks
///
/// A term without a key is looked for anywhere; a plain word of a test's name is enough.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace kiln {

class Where {
 public:
  /// A key and what the row has of it.
  using Row = std::vector<std::pair<std::string_view, std::vector<std::string>>>;

  Where() = default;
  /// kBadInput names what is wrong and the keys that there are.
  static Result<Where> parse(std::string_view text, const std::vector<std::string>& keys);

  [[nodiscard]] bool matches(const Row& row) const;
  [[nodiscard]] bool empty() const { return terms_.empty(); }
  /// Takes the key's terms out of the filter; the only value of the only one, "" = there was none.
  /// kBadInput for several: who takes it cannot ask for them.
  Result<std::string> take(std::string_view key);

 private:
  struct Term {
    std::string key;  ///< "" = anywhere
    std::vector<std::string> values;
    bool negated = false;
  };
  static bool holds(const Term& term, const Row& row);

  std::vector<Term> terms_;
};

}  // namespace kiln
