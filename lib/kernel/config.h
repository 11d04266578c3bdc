#pragma once
/// Kernel configurations: fragments, resolved .config files, and whether the one became the other.
/// Pure.
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::kernel {

class KconfigIndex;

/// One of kernel-configs/NAME.yaml.
struct NamedConfig {
  std::string name;
  std::string arch;                 ///< "i386" or "x86_64"
  std::string base = "tinyconfig";  ///< make target that everything starts from
  std::vector<os::Path> fragments;  ///< absolute paths, later ones win
  std::string description;
  /// Symbols that set it apart from its siblings; only these may differ by being asked for. Empty:
  /// whatever is asked for.
  std::vector<std::string> axis;
};

/// One line of a fragment.
struct Asked {
  std::string symbol;  ///< without CONFIG_
  std::string value;   ///< "y", "m", "n" (is not set), a number, or a string in quotes
  std::string file;
  int line = 0;
};

/// symbol -> value as in Asked. A symbol that is absent was not even offered: "n" for most
/// purposes.
using ConfigValues = std::map<std::string, std::string>;

/// A fragment's lines. kBadInput with file:line for a line that is neither a setting nor a comment.
Result<std::vector<Asked>> parse_fragment(std::string_view text, const std::string& file);

/// A resolved .config; lines that are no settings are skipped.
ConfigValues parse_config(std::string_view text);

/// What holds when the same symbol is asked twice: the last one, in order of first appearance.
std::vector<Asked> effective(std::span<const Asked> asked);

/// `base` without the lines of asked symbols, then the asked ones: merge_config.sh -m.
std::string merge(std::string_view base, std::span<const Asked> asked);

/// An asked symbol that is not what was asked.
struct ConfigProblem {
  Asked asked;
  std::string got;     ///< value in the resolved .config, "" = absent
  std::string reason;  ///< "depends on PCI, which is n", "no such symbol; did you mean `SWAP`?"
};

/// Every asked symbol with another value than asked. `kconfig` may be null: then without reasons.
std::vector<ConfigProblem> check_kept(std::span<const Asked> asked, const ConfigValues& resolved,
                                      const KconfigIndex* kconfig);

/// "debug.config:12: CONFIG_X=y was asked, the kernel has n: depends on ..."
std::string to_text(const ConfigProblem& problem);

/// All problems as one kBadInput error at the first one's position; success when there are none.
Status to_status(const std::vector<ConfigProblem>& problems, const std::string& config_name);

/// A symbol in which two resolved configs differ.
struct ConfigDifference {
  std::string symbol;
  std::string left;  ///< "" = absent
  std::string right;
  bool explained = false;
  std::string reason;  ///< "asked by hm-on.config:1", "follows from HIGHMEM64G"
};

/// Differences of two resolved configs, each asked for differently by the two sides' fragments (and
/// in `axis`, when that is not empty) or following (through depends, default, select, choice) from
/// one that is. What remains is not explained.
std::vector<ConfigDifference> differences(std::span<const Asked> left_asked,
                                          const ConfigValues& left,
                                          std::span<const Asked> right_asked,
                                          const ConfigValues& right, const KconfigIndex& kconfig,
                                          std::span<const std::string> axis = {});

}  // namespace kiln::kernel
