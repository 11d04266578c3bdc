#pragma once
/// The stack of a kernel report, as it was printed. Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dmesg/frame.h"

namespace kiln::dmesg {

/// One printed entry: `shmem_pread.isra.0+0x2c/0x60 [i915]`.
struct StackEntry {
  std::string symbol{};  ///< as printed, with a compiler's suffix
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string module{};  ///< "" = built into the kernel
  /// The instruction itself (EIP, RIP, the place of a WARNING); else a return address.
  bool exact = false;
  bool operator==(const StackEntry&) const = default;
};

/// The entries of the stack that a report of this kind is about, innermost first, own ones only:
/// without the ways into the error (dump_stack, __warn, asm_exc_*), out of a system call and
/// through the scheduler, without helpers that fail by their caller's fault (memcpy, kunmap_local,
/// mutex_lock), without guesses (`? name`) unless there is nothing else, without what an interrupt
/// interrupted. What is left of a stack of nothing but such is empty. At most 24.
std::vector<StackEntry> own_stack(std::string_view kind, std::string_view report_text);

/// `shmem_pread.isra.0` -> `shmem_pread`
std::string_view without_suffix(std::string_view symbol);

std::vector<Frame> to_frames(const std::vector<StackEntry>& stack);

}  // namespace kiln::dmesg
