#include "lib/machine/gpu.h"

#include <charconv>

namespace kiln::machine {
namespace {

struct Range {
  int first;
  int last;
  GpuKind kind;
};

/// Device ids as the kernel's own lists have them (include/drm/intel/pciids.h). The first fitting
/// row counts: some families lie inside another's range.
constexpr Range kRanges[] = {
    {0x0042, 0x0046, {5, "ilk"}},   {0x0102, 0x0126, {6, "snb"}},   {0x0152, 0x016a, {7, "ivb"}},
    {0x0402, 0x042e, {7, "hsw"}},   {0x0a02, 0x0a2e, {7, "hsw"}},   {0x0a84, 0x0a84, {9, "bxt"}},
    {0x0b69, 0x0be5, {12, "pvc"}},  {0x0c02, 0x0d2e, {7, "hsw"}},   {0x0f30, 0x0f33, {7, "vlv"}},
    {0x1602, 0x163e, {8, "bdw"}},   {0x1902, 0x193d, {9, "skl"}},   {0x1a84, 0x1a85, {9, "bxt"}},
    {0x22b0, 0x22b3, {8, "chv"}},   {0x2562, 0x2562, {2, "i845"}},  {0x2572, 0x2572, {2, "i865"}},
    {0x2582, 0x2592, {3, "i915"}},  {0x2772, 0x2772, {3, "i945"}},  {0x27a2, 0x27ae, {3, "i945"}},
    {0x2972, 0x29a2, {4, "i965"}},  {0x29b2, 0x29d2, {3, "g33"}},   {0x2a02, 0x2a12, {4, "i965"}},
    {0x2a42, 0x2a42, {4, "gm45"}},  {0x2e02, 0x2e92, {4, "g45"}},   {0x3184, 0x3185, {9, "glk"}},
    {0x3577, 0x3577, {2, "i830"}},  {0x3582, 0x358e, {2, "i85x"}},  {0x3e90, 0x3e9c, {9, "cfl"}},
    {0x3ea0, 0x3ea4, {9, "whl"}},   {0x3ea5, 0x3ea9, {9, "cfl"}},   {0x4541, 0x4571, {11, "ehl"}},
    {0x4626, 0x462a, {12, "adlp"}}, {0x4680, 0x4693, {12, "adls"}}, {0x46a0, 0x46c3, {12, "adlp"}},
    {0x46d0, 0x46d4, {12, "adln"}}, {0x4905, 0x4909, {12, "dg1"}},  {0x4c80, 0x4c9a, {12, "rkl"}},
    {0x4e51, 0x4e71, {11, "jsl"}},  {0x5690, 0x56bf, {12, "dg2"}},  {0x56c0, 0x56c2, {12, "atsm"}},
    {0x5902, 0x593b, {9, "kbl"}},   {0x5a40, 0x5a5c, {10, "cnl"}},  {0x5a84, 0x5a85, {9, "bxt"}},
    {0x6420, 0x64b0, {20, "lnl"}},  {0x7d41, 0x7d41, {12, "arl"}},  {0x7d51, 0x7d51, {12, "arl"}},
    {0x7d67, 0x7d67, {12, "arl"}},  {0x7dd1, 0x7dd1, {12, "arl"}},  {0x7d40, 0x7dd5, {12, "mtl"}},
    {0x87c0, 0x87c0, {9, "aml"}},   {0x87ca, 0x87ca, {9, "aml"}},   {0x8a50, 0x8a71, {11, "icl"}},
    {0x9a40, 0x9af8, {12, "tgl"}},  {0x9b21, 0x9bf6, {9, "cml"}},   {0xa001, 0xa011, {3, "pnv"}},
    {0xa780, 0xa78b, {12, "rpls"}}, {0xa720, 0xa7ad, {12, "rplp"}}, {0xb080, 0xb0ff, {30, "ptl"}},
    {0xb640, 0xb640, {12, "arl"}},  {0xe202, 0xe223, {20, "bmg"}},
};

}  // namespace

std::optional<GpuKind> gpu_kind(std::string_view pci_id) {
  constexpr std::string_view kIntel = "8086:";
  if (!pci_id.starts_with(kIntel) || pci_id.size() != kIntel.size() + 4) return std::nullopt;
  int device = 0;
  const char* end = pci_id.data() + pci_id.size();
  const auto read = std::from_chars(pci_id.data() + kIntel.size(), end, device, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  for (const Range& range : kRanges)
    if (device >= range.first && device <= range.last) return range.kind;
  return std::nullopt;
}

}  // namespace kiln::machine
