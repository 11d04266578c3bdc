#pragma once
/// The symbols of a kernel tree's Kconfig files: enough to name a misspelt symbol, the dependency
/// that is not met, and what a symbol's value may follow from. It is no resolver: that is the
/// kernel's own `make olddefconfig`.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/config.h"

namespace kiln::kernel {

/// Immutable after load(): safe to share between threads.
class KconfigIndex {
 public:
  /// Reads TREE/Kconfig and everything it sources, for the architecture ("i386" and "x86_64" use
  /// arch/x86). Bounded: 20,000 files, 64 MB. Missing sourced files are skipped.
  static Result<KconfigIndex> load(const os::Path& tree, const std::string& arch);

  [[nodiscard]] bool has(const std::string& symbol) const { return symbols_.contains(symbol); }
  [[nodiscard]] size_t size() const { return symbols_.size(); }
  [[nodiscard]] std::string nearest_symbol(const std::string& symbol) const;

  /// Why `symbol` has `got` and not `asked`, in words; "" when it cannot be told.
  [[nodiscard]] std::string why_not(const std::string& symbol, const std::string& asked,
                                    const std::string& got, const ConfigValues& resolved) const;

  /// Symbols that may decide this one's value: in its dependencies, defaults, prompts, its choice's
  /// other members, and those that select it.
  [[nodiscard]] std::set<std::string> influences(const std::string& symbol) const;

  /// Tristate value of an expression: 0 n, 1 m, 2 y. What the shell decides ($(...)) counts as y.
  [[nodiscard]] static int evaluate(std::string_view expression, const ConfigValues& values);

 private:
  friend class KconfigParser;
  struct Definition {
    std::string file;
    int line = 0;
    std::vector<std::string> depends;   ///< all must hold
    std::vector<std::string> defaults;  ///< values and their conditions, as text
    bool prompt = false;
    std::string prompt_if;
    int choice = -1;
  };
  struct Symbol {
    std::vector<Definition> definitions;
    std::vector<std::pair<std::string, std::string>> selected_by;  ///< symbol, condition
  };
  [[nodiscard]] std::string unmet(const Symbol& symbol, const ConfigValues& resolved) const;
  [[nodiscard]] std::string chosen_instead(const Symbol& symbol, const std::string& name,
                                           const ConfigValues& resolved) const;

  std::map<std::string, Symbol> symbols_;
  std::map<int, std::vector<std::string>> choices_;
};

}  // namespace kiln::kernel
