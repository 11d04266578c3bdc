#include "lib/kernel/elf.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

namespace kiln::kernel {
namespace {

std::string note(std::string_view id) {
  Elf32_Nhdr header{4, static_cast<Elf32_Word>(id.size()), NT_GNU_BUILD_ID};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append("GNU\0", 4);
  bytes.append(id);
  return bytes;
}

std::string other_note() {
  Elf32_Nhdr header{6, 3, 1};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append("Linux\0\0\0", 8);
  bytes.append("\0\0\0\0", 4);
  return bytes;
}

template <typename Ehdr, typename Shdr>
std::string module(unsigned char elf_class, const std::string& notes) {
  Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = elf_class;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_shoff = sizeof(Ehdr);
  header.e_shentsize = sizeof(Shdr);
  header.e_shnum = 2;
  Shdr empty{}, section{};
  section.sh_type = SHT_NOTE;
  section.sh_offset = sizeof(Ehdr) + 2 * sizeof(Shdr);
  section.sh_size = notes.size();
  section.sh_addralign = 4;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(&empty), sizeof empty);
  bytes.append(reinterpret_cast<const char*>(&section), sizeof section);
  return bytes + notes;
}

class ElfTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(std::filesystem::temp_directory_path(), "elf");
  }
  void TearDown() override { (void)os::remove_tree(dir_); }
  Result<std::string> id_of(const std::string& bytes) {
    std::ofstream(dir_ / "x.ko", std::ios::binary) << bytes;
    return elf_build_id(dir_ / "x.ko");
  }
  os::Path dir_;
};

TEST_F(ElfTest, BothClasses) {
  const std::string more = other_note() + note(std::string("\x01\xab\xff\x10", 4));
  EXPECT_EQ(id_of(module<Elf32_Ehdr, Elf32_Shdr>(ELFCLASS32, more)).value(), "01abff10");
  EXPECT_EQ(id_of(module<Elf64_Ehdr, Elf64_Shdr>(ELFCLASS64, more)).value(), "01abff10");
}

TEST_F(ElfTest, TheRunningTestItself) {
  const auto id = elf_build_id("/proc/self/exe");
  if (id) {
    EXPECT_EQ(id->size(), 40u);
  } else {
    EXPECT_EQ(id.error().kind, ErrorKind::kNotFound);
  }
}

TEST_F(ElfTest, NoElfNoIdCutOff) {
  EXPECT_EQ(id_of("#!/bin/sh\necho hello world\n").error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(id_of("").error().kind, ErrorKind::kBadInput);
  const std::string whole = module<Elf32_Ehdr, Elf32_Shdr>(ELFCLASS32, other_note());
  EXPECT_EQ(id_of(whole).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(id_of(whole.substr(0, 60)).error().message, (dir_ / "x.ko").string() + " is cut off");
}

TEST_F(ElfTest, EveryTruncationAndEveryByteFlippedIsSurvived) {
  const std::string whole = module<Elf64_Ehdr, Elf64_Shdr>(ELFCLASS64, note(std::string(20, 'x')));
  for (size_t n = 0; n < whole.size(); ++n) (void)id_of(whole.substr(0, n));
  for (size_t n = 0; n < whole.size(); ++n) {
    std::string broken = whole;
    broken[n] = static_cast<char>(0xff);
    (void)id_of(broken);
  }
}

TEST(Notes, OverlongSizesAreRefused) {
  Elf32_Nhdr header{4, 0xffffffff, NT_GNU_BUILD_ID};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append("GNU\0xxxx", 8);
  EXPECT_EQ(build_id_of_notes(bytes), "");
  header.n_namesz = 0xffffffff;
  std::memcpy(bytes.data(), &header, sizeof header);
  EXPECT_EQ(build_id_of_notes(bytes), "");
}

}  // namespace
}  // namespace kiln::kernel
