#pragma once
/// What a kernel build printed: compiled units, warnings by unit, the first error. Pure.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernel/build.h"

namespace kiln::kernel {

/// Reads the output of make (gcc, as, ld, modpost, objtool, kconfig) line by line.
/// Used by one thread at a time. Keeps at most kMaxWarnings.
class OutputParser {
 public:
  static constexpr size_t kMaxWarnings = 10'000;
  /// Absolute paths below `source_root` and `object_root` become relative.
  OutputParser(std::string source_root, std::string object_root);

  void line(std::string_view text);

  /// Objects made so far ("drivers/gpu/drm/i915/i915_gem.o"), in the order they were printed.
  [[nodiscard]] const std::set<std::string>& units() const { return units_; }
  /// Warnings by the unit that was compiled when they came; "" = link, modpost, kconfig.
  [[nodiscard]] const std::map<std::string, std::vector<Warning>>& warnings() const {
    return warnings_;
  }
  /// The first error with file and line where the tool names them.
  [[nodiscard]] std::optional<Warning> first_error() const;
  /// Compilations (CC, AS) seen.
  [[nodiscard]] int compilations() const { return compilations_; }
  /// The last step as people read it: "CC drivers/gpu/drm/i915/i915_gem.o".
  [[nodiscard]] const std::string& last_step() const { return last_step_; }

 private:
  bool step(std::string_view text);
  bool compiler(std::string_view text);
  bool linker(std::string_view text);
  bool others(std::string_view text);
  void add_warning(std::string file, int line, std::string text, bool of_unit);
  void add_error(std::string file, int line, std::string text, bool weak);
  [[nodiscard]] std::string relative(std::string_view path) const;

  std::string source_root_;
  std::string object_root_;
  std::string unit_;
  std::string last_step_;
  std::set<std::string> units_;
  std::map<std::string, std::vector<Warning>> warnings_;
  std::optional<Warning> error_;
  std::optional<Warning> weak_error_;  ///< make's own, when no tool said why
  size_t count_ = 0;
  int compilations_ = 0;
};

/// "drivers/x.c:12: text", "drivers/x.c: text" or "text".
std::string to_text(const Warning& warning);

/// In `patched` and not in `baseline`: same file and text count as the same whatever the line,
/// because a patch moves lines; each warning of the baseline covers one.
std::vector<Warning> new_warnings(const std::vector<Warning>& baseline,
                                  const std::vector<Warning>& patched);

}  // namespace kiln::kernel
