#pragma once
/// The proof that the running kernel is the one that was built. Pure: a script for the machine's
/// shell, its output read, and the comparison.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::agent {

struct ExpectedIdentity {
  std::string release{};
  std::string kernel_build_id{};
  std::map<std::string, std::string> module_build_ids{};  ///< checked when loaded
  std::string config_digest{};
  bool wants_highmem = false;
};

struct Identity {
  std::string release{};
  std::string kernel_build_id{};
  std::map<std::string, std::string> module_build_ids{};
  std::string boot_id{};
  std::string config_digest{};
  int64_t high_total_kib = 0;
  std::string cmdline{};
  int64_t taint = 0;
  int64_t mem_total_kib = 0;
  bool proved = false;
  double clock_offset_seconds = 0;  ///< machine minus host
  int64_t disk_free_kib = 0;
};

/// The GNU build id among ELF notes as they lie in memory (/sys/kernel/notes), as hex; "" when
/// there is none or the bytes are damaged. Notes of 32-bit and 64-bit kernels look the same.
std::string build_id_of_notes(std::string_view notes);

/// All facts in one round trip. `modules` are those whose build id matters.
std::string probe_script(const std::vector<std::string>& modules);
/// Only the build ids of loaded modules: for the moments after a module may have come in.
std::string module_script(const std::vector<std::string>& modules);

/// What a probe said. `host_now` is the host's clock when the answer came. Errors: the answer is
/// not complete.
Result<Identity> read_probe(std::string_view output, WallTime host_now);
/// "i915" -> hex, of module_script()'s answer.
std::map<std::string, std::string> read_modules(std::string_view output);

/// Every way in which `seen` is not `expected`, one sentence each; empty = proved. `nonce` must
/// stand on the command line as `kiln.session=NONCE`; `old_boot_ids` are those of earlier boots.
std::vector<std::string> differences(const ExpectedIdentity& expected, const Identity& seen,
                                     const std::string& nonce,
                                     const std::vector<std::string>& old_boot_ids);
/// The same for modules that came in later.
std::vector<std::string> module_differences(const ExpectedIdentity& expected,
                                            const std::map<std::string, std::string>& seen);

}  // namespace kiln::agent
