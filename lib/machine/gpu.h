#pragma once
/// Which generation a graphics device is of. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace kiln::machine {

struct GpuKind {
  int generation = 0;           ///< as i915 counts: 9, 12; from Xe2 on 20, 30
  std::string_view platform{};  ///< "tgl"
};

/// Of a PCI id as "8086:9a49"; nullopt for other makers and unknown devices.
std::optional<GpuKind> gpu_kind(std::string_view pci_id);

}  // namespace kiln::machine
