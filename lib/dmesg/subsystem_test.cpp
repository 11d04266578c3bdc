#include "lib/dmesg/subsystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::dmesg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kSeries = {"drivers/gpu/drm/i915/i915_gem.c",
                                          "drivers/gpu/drm/i915/gt/shmem_utils.c"};

std::vector<Frame> frames(std::initializer_list<std::pair<const char*, const char*>> list) {
  std::vector<Frame> out;
  for (const auto& [function, module] : list) out.push_back({function, module, "", 0, false});
  return out;
}

TEST(Subsystem, OfFiles) {
  const auto of = [](std::string_view path) { return subsystem_of_file(path); };
  EXPECT_EQ(of("drivers/gpu/drm/i915/gem/i915_gem_shmem.c"), "i915");
  EXPECT_EQ(of("drivers/gpu/drm/drm_ioctl.c"), "drm");
  EXPECT_EQ(of("drivers/gpu/drm/ttm/ttm_bo.c"), "drm");
  EXPECT_EQ(of("drivers/gpu/drm/vgem/vgem_drv.c"), "vgem");
  EXPECT_EQ(of("drivers/gpu/drm/amd/amdgpu/amdgpu_job.c"), "amdgpu");
  EXPECT_EQ(of("drivers/net/virtio_net.c"), "virtio_net");
  EXPECT_EQ(of("drivers/net/ethernet/intel/e1000/e1000_main.c"), "e1000");
  EXPECT_EQ(of("drivers/net/ethernet/broadcom/tg3.c"), "tg3");
  EXPECT_EQ(of("drivers/block/virtio_blk.c"), "virtio_blk");
  EXPECT_EQ(of("drivers/i2c/busses/i2c-i801.c"), "busses");
  EXPECT_EQ(of("fs/ext4/namei.c"), "ext4");
  EXPECT_EQ(of("fs/inode.c"), "fs");
  EXPECT_EQ(of("mm/highmem.c"), "mm");
  EXPECT_EQ(of("kernel/locking/mutex.c"), "locking");
  EXPECT_EQ(of("./net/core/dev.c"), "net");
  EXPECT_EQ(of("include/linux/highmem-internal.h"), "");
  EXPECT_EQ(of("drivers/gpu/drm/i915/i915_drv.h"), "");
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("drivers/"), "");
  EXPECT_THAT(subsystems_of(kSeries), ElementsAre("i915"));
  EXPECT_THAT(subsystems_of(std::vector<std::string>{"mm/a.c", "fs/ext4/b.c", "Makefile"}),
              ElementsAre("ext4", "mm"));
}

TEST(Subsystem, AHelperBelowADriverIsTheDrivers) {
  const auto stack = frames({{"__cpa_process_fault", ""},
                             {"shmem_read_mapping_page_gfp", ""},
                             {"drm_gem_get_pages", "drm"},
                             {"shmem_get_pages", "i915"},
                             {"vfs_write", ""}});
  EXPECT_EQ(subsystem_of({"oops", "BUG: unable to handle page fault", stack}), "i915");
}

TEST(Subsystem, BuiltInCodeIsToldByItsFunctions) {
  EXPECT_EQ(subsystem_of({"oops", "", frames({{"virtnet_poll", ""}, {"napi_poll", ""}})}),
            "virtio_net");
  EXPECT_EQ(subsystem_of({"oops", "", frames({{"drm_ioctl", ""}, {"vfs_ioctl", ""}})}), "drm");
  EXPECT_EQ(subsystem_of({"oops", "", frames({{"whatever", ""}})}), "");
}

TEST(Subsystem, FilesOfDecodedFramesTellMore) {
  std::vector<Frame> stack = frames({{"kmap", ""}, {"whatever", ""}});
  stack[0].file = "include/linux/highmem-internal.h";
  stack[1].file = "drivers/net/ethernet/intel/e1000/e1000_main.c";
  EXPECT_EQ(subsystem_of({"oops", "", stack}), "e1000");
}

TEST(Subsystem, OfTitles) {
  const auto of = [](std::string_view title) { return subsystem_of({"error", title, {}}); };
  EXPECT_EQ(of("[drm:intel_dp_aux_wait_done [i915]] *ERROR* dp aux"), "i915");
  EXPECT_EQ(of("[drm:drm_atomic_helper_wait_for_flip_done] *ERROR* flip_done"), "drm");
  EXPECT_EQ(of("i915 0000:00:02.0: [drm] *ERROR* GT0: x"), "i915");
  EXPECT_EQ(of("[drm] *ERROR* x"), "drm");
  EXPECT_EQ(of("WARNING: CPU: 1 PID: 2 at drivers/net/virtio_net.c:2510 foo+0x1/0x2"),
            "virtio_net");
  EXPECT_EQ(of("something else"), "");
}

TEST(Foreign, ADriverOfAnotherDevice) {
  const auto e1000 = frames({{"e1000_clean_rx_irq", "e1000"}, {"__napi_poll", ""}});
  const Origin oops{"oops", "BUG: kernel NULL pointer dereference", e1000};
  EXPECT_TRUE(is_foreign(oops, kSeries));
  EXPECT_TRUE(is_foreign({"hardware", "mce: [Hardware Error]: x", {}}, kSeries));
  EXPECT_TRUE(
      is_foreign({"warning", "WARNING: at drivers/net/virtio_net.c:1 x+0x1/0x2", {}}, kSeries));
  // What the series touches decides.
  for (const char* touched :
       {"drivers/net/ethernet/intel/e1000/e1000_main.c", "drivers/net/ethernet/intel/e1000/e1000.h",
        "net/core/dev.c", "mm/highmem.c", "include/linux/highmem.h", "lib/scatterlist.c",
        "arch/x86/mm/highmem_32.c", "fs/ext4/inode.c", "Makefile"})
    EXPECT_FALSE(is_foreign(oops, std::vector<std::string>{kSeries[0], touched})) << touched;
  EXPECT_TRUE(is_foreign(oops, std::vector<std::string>{kSeries[0], "Documentation/gpu/i915.rst",
                                                        "drivers/gpu/drm/i915/i915_drv.h"}));
  EXPECT_FALSE(is_foreign(oops, std::vector<std::string>{}));
}

TEST(Foreign, NeverWhenInDoubt) {
  const auto never = [](const Origin& origin) { return !is_foreign(origin, kSeries); };
  EXPECT_TRUE(never({"oops", "", {}}));
  EXPECT_TRUE(never({"oops", "", frames({{"shmem_pread", "i915"}})}));
  EXPECT_TRUE(never({"oops", "", frames({{"vgem_open", "vgem"}})}));
  EXPECT_TRUE(never({"oops", "", frames({{"drm_gem_prime_mmap", "drm"}})}));
  EXPECT_TRUE(never({"oops", "", frames({{"ext4_lookup", ""}})}));
  EXPECT_TRUE(never({"oops", "", frames({{"tcp_sendmsg", ""}})}));
  EXPECT_TRUE(never({"oops", "", frames({{"handle_mm_fault", ""}})}));
  // Its own driver further out, or memory that somebody damaged.
  EXPECT_TRUE(
      never({"oops", "", frames({{"e1000_xmit", "e1000"}, {"i915_gem_pread_ioctl", "i915"}})}));
  EXPECT_TRUE(never({"list-corruption", "list_del corruption", frames({{"e1000_x", "e1000"}})}));
  EXPECT_TRUE(never(
      {"bug", "BUG kmalloc-64 (Tainted: G): Poison overwritten", frames({{"e1000_x", "e1000"}})}));
}

}  // namespace
}  // namespace kiln::dmesg
