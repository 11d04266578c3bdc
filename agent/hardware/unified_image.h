#pragma once
/// What UEFI firmware starts by itself: systemd's stub with a kernel, its initrd and its command
/// line in one PE file. Pure.
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kiln::agent {

struct ImageParts {
  std::string_view stub{};    ///< linuxx64.efi.stub or linuxia32.efi.stub, without a signature
  std::string_view kernel{};  ///< a bzImage with CONFIG_EFI_STUB
  std::string_view initrd{};  ///< "" = none
  std::string_view cmdline{};
};

/// kBadInput for a stub that is none, and for a kernel that its firmware does not start.
Result<std::string> unified_image(const ImageParts& parts);

/// 32 or 64: the width of the firmware that starts that program for x86. 0: none does.
int firmware_bits(std::string_view program);
/// systemd's stub and nothing else: its width; else 0.
int stub_bits(std::string_view program);

}  // namespace kiln::agent
