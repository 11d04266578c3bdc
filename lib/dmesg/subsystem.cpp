#include "lib/dmesg/subsystem.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <set>

#include "lib/dmesg/stack.h"

namespace kiln::dmesg {
namespace {

/// How near to everybody's code a subsystem is: the owner of a report is the innermost function
/// of the most special rank.
enum class Rank { kNone, kCore, kLibrary, kDriver };

/// What a subsystem's trouble can reach.
enum class Area {
  kCore,      ///< everything
  kGraphics,  ///< drm and what shares its memory
  kApart,     ///< drivers of other devices
};

struct Place {
  std::string subsystem;
  Rank rank = Rank::kNone;
  Area area = Area::kCore;
};

struct PathRule {
  std::string_view prefix;
  std::string_view subsystem;  ///< "" = the next folder's name, or the file's
  Rank rank;
  Area area;
};

/// The first that matches wins.
constexpr PathRule kPaths[] = {
    {"drivers/gpu/drm/i915/", "i915", Rank::kDriver, Area::kGraphics},
    {"drivers/gpu/drm/amd/", "amdgpu", Rank::kDriver, Area::kGraphics},
    {"drivers/gpu/drm/display/", "drm", Rank::kLibrary, Area::kGraphics},
    {"drivers/gpu/drm/ttm/", "drm", Rank::kLibrary, Area::kGraphics},
    {"drivers/gpu/drm/scheduler/", "drm", Rank::kLibrary, Area::kGraphics},
    {"drivers/gpu/drm/lib/", "drm", Rank::kLibrary, Area::kGraphics},
    {"drivers/gpu/drm/drm_", "drm", Rank::kLibrary, Area::kGraphics},
    {"drivers/gpu/drm/", "", Rank::kDriver, Area::kGraphics},
    {"drivers/gpu/", "", Rank::kDriver, Area::kGraphics},
    {"drivers/dma-buf/", "dma-buf", Rank::kLibrary, Area::kGraphics},
    {"drivers/char/agp/", "agp", Rank::kDriver, Area::kGraphics},
    {"drivers/video/", "fbdev", Rank::kDriver, Area::kGraphics},
    {"drivers/iommu/", "iommu", Rank::kLibrary, Area::kCore},
    {"drivers/base/", "driver-core", Rank::kCore, Area::kCore},
    {"drivers/pci/", "pci", Rank::kLibrary, Area::kCore},
    {"drivers/acpi/", "acpi", Rank::kLibrary, Area::kCore},
    {"drivers/virtio/", "virtio", Rank::kLibrary, Area::kApart},
    {"drivers/net/ethernet/", "", Rank::kDriver, Area::kApart},
    {"drivers/net/", "", Rank::kDriver, Area::kApart},
    {"drivers/usb/", "usb", Rank::kDriver, Area::kApart},
    {"drivers/tty/", "tty", Rank::kDriver, Area::kApart},
    {"drivers/input/", "input", Rank::kDriver, Area::kApart},
    {"drivers/hid/", "hid", Rank::kDriver, Area::kApart},
    {"drivers/ata/", "ata", Rank::kDriver, Area::kApart},
    {"drivers/scsi/", "scsi", Rank::kDriver, Area::kApart},
    {"drivers/nvme/", "nvme", Rank::kDriver, Area::kApart},
    {"drivers/mmc/", "mmc", Rank::kDriver, Area::kApart},
    {"drivers/", "", Rank::kDriver, Area::kApart},
    {"sound/", "sound", Rank::kDriver, Area::kApart},
    {"net/", "net", Rank::kLibrary, Area::kApart},
    {"block/", "block", Rank::kLibrary, Area::kCore},
    {"fs/proc/", "fs", Rank::kCore, Area::kCore},
    {"fs/sysfs/", "fs", Rank::kCore, Area::kCore},
    {"fs/kernfs/", "fs", Rank::kCore, Area::kCore},
    {"fs/debugfs/", "fs", Rank::kCore, Area::kCore},
    {"fs/", "", Rank::kLibrary, Area::kCore},
    {"mm/", "mm", Rank::kCore, Area::kCore},
    {"kernel/locking/", "locking", Rank::kCore, Area::kCore},
    {"kernel/sched/", "sched", Rank::kCore, Area::kCore},
    {"kernel/rcu/", "rcu", Rank::kCore, Area::kCore},
    {"kernel/time/", "time", Rank::kCore, Area::kCore},
    {"kernel/", "kernel", Rank::kCore, Area::kCore},
    {"arch/x86/mm/", "mm", Rank::kCore, Area::kCore},
    {"arch/x86/", "x86", Rank::kCore, Area::kCore},
    {"arch/", "arch", Rank::kCore, Area::kCore},
    {"lib/", "lib", Rank::kCore, Area::kCore},
    {"init/", "kernel", Rank::kCore, Area::kCore},
    {"security/", "security", Rank::kCore, Area::kCore},
    {"crypto/", "crypto", Rank::kCore, Area::kCore},
    {"ipc/", "ipc", Rank::kCore, Area::kCore},
};

/// Modules that are others' libraries, and those whose name is not their folder's.
struct ModuleRule {
  std::string_view pattern;
  std::string_view subsystem;
  Rank rank;
  Area area;
};
constexpr ModuleRule kModules[] = {
    {"drm", "drm", Rank::kLibrary, Area::kGraphics},
    {"drm_", "drm", Rank::kLibrary, Area::kGraphics},
    {"ttm", "drm", Rank::kLibrary, Area::kGraphics},
    {"gpu_sched", "drm", Rank::kLibrary, Area::kGraphics},
    {"intel_gtt", "agp", Rank::kDriver, Area::kGraphics},
    {"video", "acpi", Rank::kLibrary, Area::kCore},
    {"sw_sync", "dma-buf", Rank::kLibrary, Area::kGraphics},
    {"virtio", "virtio", Rank::kLibrary, Area::kApart},
    {"virtio_pci", "virtio", Rank::kLibrary, Area::kApart},
    {"virtio_ring", "virtio", Rank::kLibrary, Area::kApart},
    {"libata", "ata", Rank::kDriver, Area::kApart},
    {"usbcore", "usb", Rank::kDriver, Area::kApart},
    {"xhci_", "usb", Rank::kDriver, Area::kApart},
    {"ehci_", "usb", Rank::kDriver, Area::kApart},
    {"snd", "sound", Rank::kDriver, Area::kApart},
    {"cfg80211", "net", Rank::kLibrary, Area::kApart},
    {"mac80211", "net", Rank::kLibrary, Area::kApart},
    {"kvm", "kvm", Rank::kDriver, Area::kCore},
    {"ext4", "ext4", Rank::kLibrary, Area::kCore},
    {"jbd2", "ext4", Rank::kLibrary, Area::kCore},
    {"9p", "9p", Rank::kLibrary, Area::kCore},
};

/// Drivers of graphics, whose modules share buffers with one another.
constexpr std::string_view kGraphicsModules[] = {
    "i915", "xe",      "vgem",     "vkms",    "amdgpu",    "radeon",    "nouveau", "virtio_gpu",
    "qxl",  "bochs",   "cirrus",   "mgag200", "ast",       "vmwgfx",    "vc4",     "v3d",
    "msm",  "etnaviv", "panfrost", "lima",    "simpledrm", "gma500_gfx"};

/// Functions of code that may be built in, by their first words.
struct FunctionRule {
  std::string_view prefix;
  std::string_view path;  ///< as if decoded
};
constexpr FunctionRule kFunctions[] = {
    {"i915_", "drivers/gpu/drm/i915/x.c"},
    {"__i915_", "drivers/gpu/drm/i915/x.c"},
    {"intel_gt_", "drivers/gpu/drm/i915/x.c"},
    {"intel_engine_", "drivers/gpu/drm/i915/x.c"},
    {"intel_context_", "drivers/gpu/drm/i915/x.c"},
    {"gen8_", "drivers/gpu/drm/i915/x.c"},
    {"amdgpu_", "drivers/gpu/drm/amd/x.c"},
    {"vgem_", "drivers/gpu/drm/vgem/x.c"},
    {"vkms_", "drivers/gpu/drm/vkms/x.c"},
    {"virtio_gpu_", "drivers/gpu/drm/virtio/x.c"},
    {"drm_", "drivers/gpu/drm/drm_x.c"},
    {"__drm_", "drivers/gpu/drm/drm_x.c"},
    {"ttm_", "drivers/gpu/drm/ttm/x.c"},
    {"dma_buf_", "drivers/dma-buf/x.c"},
    {"dma_fence_", "drivers/dma-buf/x.c"},
    {"dma_resv_", "drivers/dma-buf/x.c"},
    {"sync_file_", "drivers/dma-buf/x.c"},
    {"sw_sync_", "drivers/dma-buf/x.c"},
    {"agp_", "drivers/char/agp/x.c"},
    {"virtnet_", "drivers/net/virtio_net.c"},
    {"e1000_", "drivers/net/ethernet/intel/e1000/x.c"},
    {"e1000e_", "drivers/net/ethernet/intel/e1000e/x.c"},
    {"igb_", "drivers/net/ethernet/intel/igb/x.c"},
    {"r8169_", "drivers/net/ethernet/realtek/r8169/x.c"},
    {"rtl8169_", "drivers/net/ethernet/realtek/r8169/x.c"},
    {"rtl8139_", "drivers/net/ethernet/realtek/8139cp/x.c"},
    {"tg3_", "drivers/net/ethernet/broadcom/tg3.c"},
    {"virtblk_", "drivers/block/virtio_blk.c"},
    {"vring_", "drivers/virtio/x.c"},
    {"virtqueue_", "drivers/virtio/x.c"},
    {"vp_", "drivers/virtio/x.c"},
    {"nvme_", "drivers/nvme/x.c"},
    {"ata_", "drivers/ata/x.c"},
    {"ahci_", "drivers/ata/x.c"},
    {"scsi_", "drivers/scsi/x.c"},
    {"sd_", "drivers/scsi/x.c"},
    {"usb_", "drivers/usb/x.c"},
    {"xhci_", "drivers/usb/x.c"},
    {"serial8250_", "drivers/tty/x.c"},
    {"uart_", "drivers/tty/x.c"},
    {"tty_", "drivers/tty/x.c"},
    {"snd_", "sound/x.c"},
    {"napi_", "net/x.c"},
    {"__napi_", "net/x.c"},
    {"net_rx_", "net/x.c"},
    {"netif_", "net/x.c"},
    {"dev_hard_", "net/x.c"},
    {"__dev_queue_", "net/x.c"},
    {"skb_", "net/x.c"},
    {"tcp_", "net/x.c"},
    {"udp_", "net/x.c"},
    {"ip_", "net/x.c"},
    {"sock_", "net/x.c"},
    {"inet_", "net/x.c"},
    {"blk_", "block/x.c"},
    {"submit_bio", "block/x.c"},
    {"bio_", "block/x.c"},
    {"ext4_", "fs/ext4/x.c"},
    {"__ext4_", "fs/ext4/x.c"},
    {"jbd2_", "fs/ext4/x.c"},
    {"v9fs_", "fs/9p/x.c"},
    {"nfs_", "fs/nfs/x.c"},
    {"shmem_", "mm/x.c"},
    {"vm_", "mm/x.c"},
    {"mmap_", "mm/x.c"},
    {"do_mmap", "mm/x.c"},
    {"handle_mm_fault", "mm/x.c"},
    {"__cpa_", "arch/x86/mm/x.c"},
    {"change_page_attr", "arch/x86/mm/x.c"},
    {"__change_page_attr", "arch/x86/mm/x.c"},
    {"set_pages_", "arch/x86/mm/x.c"},
    {"iomap_", "fs/iomap/x.c"},
};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64;
}

/// The folder behind a rule's prefix, or the file without its ending.
std::string next_name(std::string_view path, std::string_view prefix) {
  std::string_view rest = path.substr(prefix.size());
  // drivers/net/ethernet/VENDOR/DRIVER/file.c
  if (prefix == "drivers/net/ethernet/") {
    const size_t vendor = rest.find('/');
    if (vendor != std::string_view::npos) rest.remove_prefix(vendor + 1);
  }
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos && prefix == "drivers/") {
    // drivers/block/virtio_blk.c: the file says more than the folder
    const std::string_view file = rest.substr(rest.rfind('/') + 1);
    if (rest.find('/', slash + 1) == std::string_view::npos)
      return std::string(file.substr(0, file.find('.')));
    rest.remove_prefix(slash + 1);
    return std::string(rest.substr(0, rest.find('/')));
  }
  if (slash != std::string_view::npos) return std::string(rest.substr(0, slash));
  if (prefix == "fs/") return "fs";
  return std::string(rest.substr(0, rest.find('.')));
}

Place place_of_file(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path.ends_with(".h") || path.starts_with("include/")) return {};
  for (const PathRule& rule : kPaths) {
    if (!path.starts_with(rule.prefix) || path.size() == rule.prefix.size()) continue;
    std::string name(rule.subsystem);
    if (name.empty()) name = next_name(path, rule.prefix);
    return {name, rule.rank, rule.area};
  }
  return {};
}

Place place_of_module(std::string_view module) {
  if (!is_name(module)) return {};
  std::string name(module);
  std::replace(name.begin(), name.end(), '-', '_');
  for (const std::string_view graphics : kGraphicsModules)
    if (name == graphics) return {name, Rank::kDriver, Area::kGraphics};
  for (const ModuleRule& rule : kModules) {
    const bool hit = rule.pattern.ends_with('_') ? name.starts_with(rule.pattern)
                     : rule.pattern == "snd"     ? name.starts_with("snd")
                                                 : name == rule.pattern;
    if (hit) return {std::string(rule.subsystem), rule.rank, rule.area};
  }
  return {name, Rank::kDriver, Area::kApart};
}

Place place_of_function(std::string_view function) {
  for (const FunctionRule& rule : kFunctions)
    if (function.starts_with(rule.prefix)) return place_of_file(rule.path);
  return {};
}

/// A module's name is what the kernel says itself; a file says more of built-in code; a function's
/// prefix is a guess.
Place place_of(const Frame& frame) {
  if (!frame.module.empty()) return place_of_module(frame.module);
  if (!frame.file.empty())
    if (Place place = place_of_file(frame.file); place.rank != Rank::kNone) return place;
  return place_of_function(frame.function);
}

/// `WARNING: ... at drivers/x/y.c:12`, `[drm:intel_foo [i915]] *ERROR*`, `i915 0000:00:02.0: ...`
Place place_of_title(std::string_view title) {
  static const RE2 module(R"(\[drm:[\w.]+ \[([\w-]{1,64})\]\])");
  static const RE2 function(R"(\[drm:([\w.]{1,128})\])");
  static const RE2 device(R"(^([a-z][\w-]{1,30}) [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d: )");
  static const RE2 file(R"(\b(?:at|in) ([a-z][\w/.-]{2,200}\.[ch]):\d+)");
  static const RE2 drm(R"(^\[drm\b)");
  const re2::StringPiece input(title.data(), title.size());
  std::string name;
  if (RE2::PartialMatch(input, module, &name)) return place_of_module(name);
  if (RE2::PartialMatch(input, device, &name)) return place_of_module(name);
  if (RE2::PartialMatch(input, file, &name))
    if (Place place = place_of_file(name); place.rank != Rank::kNone) return place;
  if (RE2::PartialMatch(input, function, &name))
    if (Place place = place_of_function(name); place.rank != Rank::kNone) return place;
  if (RE2::PartialMatch(input, drm)) return {"drm", Rank::kLibrary, Area::kGraphics};
  return {};
}

/// The innermost of the most special rank.
Place owner_of(const Origin& origin) {
  Place best;
  for (const Frame& frame : origin.frames) {
    Place place = place_of(frame);
    if (place.rank > best.rank) best = std::move(place);
    if (best.rank == Rank::kDriver) break;
  }
  if (best.rank == Rank::kDriver) return best;
  if (Place title = place_of_title(origin.title); title.rank > best.rank) return title;
  if (best.rank == Rank::kNone && origin.kind == "hardware")
    return {"hardware", Rank::kDriver, Area::kApart};
  if (best.rank == Rank::kNone && (origin.kind == "oom" || origin.kind == "page-alloc"))
    return {"mm", Rank::kCore, Area::kCore};
  return best;
}

/// Memory that somebody damaged: who finds it need not have done it.
bool shows_damage(const Origin& origin) {
  static constexpr std::array<std::string_view, 3> kKinds = {"list-corruption", "kasan", "kfence"};
  static constexpr std::array<std::string_view, 4> kTitles = {"BUG: Bad page", "BUG kmalloc",
                                                              "overwritten", "corruption"};
  return std::find(kKinds.begin(), kKinds.end(), origin.kind) != kKinds.end() ||
         std::any_of(kTitles.begin(), kTitles.end(), [&](std::string_view word) {
           return origin.title.find(word) != std::string_view::npos;
         });
}

}  // namespace

std::string subsystem_of(const Origin& origin) {
  return owner_of(origin).subsystem;
}

std::string subsystem_of_file(std::string_view path) {
  return place_of_file(path).subsystem;
}

std::vector<std::string> subsystems_of(std::span<const std::string> touched_files) {
  std::set<std::string> names;
  for (const std::string& file : touched_files)
    if (std::string name = subsystem_of_file(file); !name.empty()) names.insert(std::move(name));
  return {names.begin(), names.end()};
}

bool is_foreign(const Origin& origin, std::span<const std::string> touched_files) {
  const Place owner = owner_of(origin);
  if (owner.rank != Rank::kDriver || owner.area != Area::kApart) return false;
  if (touched_files.empty() || shows_damage(origin)) return false;
  std::set<std::string> touched;
  for (const std::string& file : touched_files) {
    const std::string_view path = file;
    // Documentation and build files make no code of their own.
    if (path.starts_with("Documentation/") || path.starts_with("MAINTAINERS")) continue;
    const Place place = place_of_file(path);
    const bool own_header = path.ends_with(".h") && path.starts_with("drivers/");
    if (place.rank == Rank::kNone && !own_header) return false;
    if (place.rank == Rank::kCore || (place.rank != Rank::kNone && place.area == Area::kCore))
      return false;
    if (own_header) {
      // As a source file beside it would be told.
      const std::string beside = file.substr(0, file.size() - 2) + ".c";
      touched.insert(subsystem_of_file(beside));
    } else {
      touched.insert(place.subsystem);
    }
  }
  if (touched.empty() || touched.contains(owner.subsystem)) return false;
  // A library of the owner that the series touches: virtio for virtio_net, net for e1000.
  return std::none_of(origin.frames.begin(), origin.frames.end(), [&](const Frame& frame) {
    const Place place = place_of(frame);
    return touched.contains(place.subsystem) || touched.contains(frame.module);
  });
}

}  // namespace kiln::dmesg
