#include "lib/kernel/elf.h"

#include <elf.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <optional>

namespace kiln::kernel {
namespace {

constexpr uint64_t kMaxNotes = 1 << 20;
constexpr unsigned kMaxHeaders = 4096;

struct Layout32 {
  using Ehdr = Elf32_Ehdr;
  using Phdr = Elf32_Phdr;
  using Shdr = Elf32_Shdr;
};
struct Layout64 {
  using Ehdr = Elf64_Ehdr;
  using Phdr = Elf64_Phdr;
  using Shdr = Elf64_Shdr;
};

template <typename T>
Result<T> read_struct(const os::Path& path, uint64_t offset) {
  KILN_ASSIGN(const std::string bytes, os::read_range(path, offset, sizeof(T)));
  if (bytes.size() != sizeof(T))
    return fail(ErrorKind::kBadInput, fmt::format("{} is cut off", path.string()));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Note data at [offset, offset+size) searched for a build id.
Result<std::string> search(const os::Path& path, uint64_t offset, uint64_t size, uint64_t align) {
  KILN_ASSIGN(const std::string notes, os::read_range(path, offset, std::min(size, kMaxNotes)));
  return build_id_of_notes(notes, align == 8 ? 8 : 4);
}

/// table entry `index`; nullopt when the offset does not fit a file.
std::optional<uint64_t> entry_offset(uint64_t table, uint64_t entry_size, unsigned index) {
  uint64_t offset = 0;
  if (__builtin_add_overflow(table, entry_size * index, &offset) || offset > (1ULL << 40))
    return std::nullopt;
  return offset;
}

template <typename Layout>
Result<std::string> find_build_id(const os::Path& path) {
  KILN_ASSIGN(const auto header, read_struct<typename Layout::Ehdr>(path, 0));
  for (unsigned i = 0; header.e_phoff != 0 && i < header.e_phnum && i < kMaxHeaders; ++i) {
    const auto at = entry_offset(header.e_phoff, header.e_phentsize, i);
    if (!at) break;
    KILN_ASSIGN(const auto segment, read_struct<typename Layout::Phdr>(path, *at));
    if (segment.p_type != PT_NOTE) continue;
    KILN_ASSIGN(std::string id, search(path, segment.p_offset, segment.p_filesz, segment.p_align));
    if (!id.empty()) return id;
  }
  for (unsigned i = 0; header.e_shoff != 0 && i < header.e_shnum && i < kMaxHeaders; ++i) {
    const auto at = entry_offset(header.e_shoff, header.e_shentsize, i);
    if (!at) break;
    KILN_ASSIGN(const auto section, read_struct<typename Layout::Shdr>(path, *at));
    if (section.sh_type != SHT_NOTE) continue;
    KILN_ASSIGN(std::string id,
                search(path, section.sh_offset, section.sh_size, section.sh_addralign));
    if (!id.empty()) return id;
  }
  return fail(ErrorKind::kNotFound, fmt::format("{} carries no build id", path.string()));
}

}  // namespace

std::string build_id_of_notes(std::string_view notes, size_t align) {
  size_t at = 0;
  const auto padded = [align](uint64_t n) { return (n + align - 1) / align * align; };
  while (at + sizeof(Elf32_Nhdr) <= notes.size()) {
    Elf32_Nhdr note;
    std::memcpy(&note, notes.data() + at, sizeof note);
    const uint64_t name_at = at + sizeof note;
    const uint64_t data_at = name_at + padded(note.n_namesz);
    const uint64_t end = data_at + padded(note.n_descsz);
    if (data_at + note.n_descsz > notes.size()) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        notes.substr(name_at, 4) == std::string_view("GNU\0", 4) && note.n_descsz > 0 &&
        note.n_descsz <= 64) {
      std::string hex;
      for (const char c : notes.substr(data_at, note.n_descsz))
        hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return hex;
    }
    at = end;
  }
  return {};
}

Result<std::string> elf_build_id(const os::Path& path) {
  KILN_ASSIGN(const std::string ident, os::read_range(path, 0, EI_NIDENT));
  if (ident.size() != EI_NIDENT || std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0)
    return fail(ErrorKind::kBadInput, fmt::format("{} is not an ELF file", path.string()));
  if (ident[EI_DATA] != ELFDATA2LSB)
    return fail(ErrorKind::kBadInput, fmt::format("{} is not little-endian", path.string()));
  if (ident[EI_CLASS] == ELFCLASS32) return find_build_id<Layout32>(path);
  if (ident[EI_CLASS] == ELFCLASS64) return find_build_id<Layout64>(path);
  return fail(ErrorKind::kBadInput, fmt::format("{} is neither 32- nor 64-bit", path.string()));
}

}  // namespace kiln::kernel
