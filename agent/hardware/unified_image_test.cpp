/// Against binutils, which reads what was written here, and systemd's stub of this computer.
#include "agent/hardware/unified_image.h"

#include <gmock/gmock.h>

#include "agent/hardware/netboot.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;

class UnifiedImageTest : public ::testing::Test {
 protected:
  /// A section of the image by objcopy.
  std::string section(const std::string& image, const std::string& name) {
    const os::Path file = folder_.path() / "image";
    const os::Path out = folder_.path() / "section";
    EXPECT_TRUE(os::write_atomic(file, image));
    os::Command command;
    command.argv = {"objcopy",     "-O",        "binary", "--only-section=" + name,
                    file.string(), out.string()};
    const auto done = os::run_ok(command);
    EXPECT_TRUE(done) << render(done.error());
    return os::read_file(out, 1 << 24).value_or("");
  }
  std::string refused(const ImageParts& parts) {
    const auto out = unified_image(parts);
    EXPECT_FALSE(out);
    return out ? "" : out.error().message;
  }

  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "image-");
  const std::string stub_ = os::read_file(installed_stub(64), 1 << 24).value_or("");
  /// Firmware starts it: that is all that is asked of one.
  const std::string kernel_ = stub_ + std::string(100'001, 'k');
};

TEST_F(UnifiedImageTest, EachPartIsASectionBehindTheStubs) {
  ASSERT_EQ(stub_bits(stub_), 64) << "package systemd-boot-efi";
  const std::string initrd(70'001, 'i');
  const auto image = unified_image({stub_, kernel_, initrd, "root=/dev/sda2 quiet"});
  ASSERT_TRUE(image) << render(image.error());
  // objcopy fills a section up to the file's alignment.
  EXPECT_EQ(section(*image, ".cmdline").substr(0, 20), "root=/dev/sda2 quiet");
  EXPECT_EQ(section(*image, ".initrd").substr(0, initrd.size()), initrd);
  EXPECT_EQ(section(*image, ".linux").substr(0, kernel_.size()), kernel_);
  EXPECT_EQ(section(*image, ".text"), section(stub_, ".text"));
  EXPECT_EQ(firmware_bits(*image), 64);
  EXPECT_EQ(stub_bits(*image), 0) << "it has its kernel";
  const auto without = unified_image({stub_, kernel_, "", "quiet"});
  ASSERT_TRUE(without);
  EXPECT_EQ(section(*without, ".initrd"), "");
}

TEST_F(UnifiedImageTest, WhatItsFirmwareDoesNotStartIsRefused) {
  EXPECT_THAT(refused({kernel_.substr(64), kernel_, "", ""}), HasSubstr("not systemd's"));
  EXPECT_THAT(refused({stub_, "bzImage", "", ""}), HasSubstr("CONFIG_EFI_STUB"));
  std::string narrow = kernel_;
  const size_t pe = static_cast<uint8_t>(narrow.at(0x3c)) + 256U * narrow.at(0x3d);
  narrow.replace(pe + 4, 2, "\x4c\x01");
  narrow.replace(pe + 24, 2, "\x0b\x01");
  EXPECT_EQ(firmware_bits(narrow), 32);
  EXPECT_THAT(refused({stub_, narrow, "", ""}), HasSubstr("firmware of 32 bits, the stub for 64"));
  std::string signed_stub = stub_;
  signed_stub.at(pe + 24 + 112 + 32) = 1;
  EXPECT_THAT(refused({signed_stub, kernel_, "", ""}), HasSubstr("signed"));
}

TEST_F(UnifiedImageTest, HalvesOfFilesAreNoPrograms) {
  for (size_t size = 0; size < 1200; ++size) {
    const std::string_view half = std::string_view(stub_).substr(0, size);
    EXPECT_EQ(stub_bits(half), 0);
    (void)firmware_bits(half);
    EXPECT_FALSE(unified_image({half, kernel_, "", ""}));
  }
  // No byte of its head leads out of the file.
  for (size_t at = 0; at < 1024; ++at) {
    std::string odd = stub_;
    odd.at(at) = '\xff';
    (void)unified_image({odd, kernel_, "", ""});
  }
}

}  // namespace
}  // namespace kiln::agent
