#include "lib/symbols/object_file.h"

#include <elf.h>

#include <cstring>
#include <optional>

#include "lib/base/text.h"

namespace kiln::symbols {
namespace {

struct Layout32 {
  using Ehdr = Elf32_Ehdr;
  using Shdr = Elf32_Shdr;
  using Sym = Elf32_Sym;
};
struct Layout64 {
  using Ehdr = Elf64_Ehdr;
  using Shdr = Elf64_Shdr;
  using Sym = Elf64_Sym;
};

tl::unexpected<Error> damaged() {
  return fail(ErrorKind::kBadInput, "a damaged object file");
}

/// [offset, offset + size) of the file, when it lies within.
std::optional<std::string_view> slice(std::string_view file, uint64_t offset, uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.substr(offset, size);
}

template <typename T>
std::optional<T> read(std::string_view file, uint64_t offset) {
  const auto bytes = slice(file, offset, sizeof(T));
  if (!bytes) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof(T));
  return value;
}

/// The text at `offset` of a string table.
std::string_view name_at(std::string_view table, uint64_t offset) {
  if (offset >= table.size()) return "";
  const std::string_view rest = table.substr(offset);
  return rest.substr(0, std::min(rest.find('\0'), rest.size()));
}

template <typename Layout>
class Reader {
  using Shdr = typename Layout::Shdr;

 public:
  Reader(std::string_view file, const std::set<std::string, std::less<>>& names)
      : file_(file), names_(names) {}

  Result<Functions> read_all() {
    KILN_TRY(read_sections());
    for (const Shdr& section : sections_) {
      if (name_of(section) == ".debug_line") out_.has_lines = true;
      if (section.sh_type == SHT_SYMTAB) KILN_TRY(read_symbols(section));
    }
    return std::move(out_);
  }

 private:
  Status read_sections() {
    const auto header = read<typename Layout::Ehdr>(file_, 0);
    if (!header || header->e_type != ET_REL || header->e_shentsize != sizeof(Shdr))
      return damaged();
    const auto first = read<Shdr>(file_, header->e_shoff);
    if (!first) return damaged();
    // With more than 65,279 sections their number stands in the first one.
    const uint64_t count = header->e_shnum != 0 ? header->e_shnum : first->sh_size;
    const uint64_t names = header->e_shstrndx != SHN_XINDEX ? header->e_shstrndx : first->sh_link;
    if (count > file_.size() / sizeof(Shdr)) return damaged();
    for (uint64_t i = 0; i < count; ++i) {
      const auto section = read<Shdr>(file_, header->e_shoff + i * sizeof(Shdr));
      if (!section) return damaged();
      sections_.push_back(*section);
    }
    if (names >= sections_.size()) return damaged();
    section_names_ = contents(sections_[names]);
    return {};
  }

  std::string_view contents(const Shdr& section) const {
    if (section.sh_type == SHT_NOBITS) return "";
    return slice(file_, section.sh_offset, section.sh_size).value_or("");
  }

  std::string_view name_of(const Shdr& section) const {
    return name_at(section_names_, section.sh_name);
  }

  Status read_symbols(const Shdr& table) {
    using Sym = typename Layout::Sym;
    if (table.sh_link >= sections_.size()) return damaged();
    const std::string_view strings = contents(sections_[table.sh_link]);
    const std::string_view symbols = contents(table);
    for (uint64_t at = 0; at + sizeof(Sym) <= symbols.size(); at += sizeof(Sym)) {
      const Sym symbol = *read<Sym>(symbols, at);
      const unsigned type = symbol.st_info & 0xfU;
      if ((type != STT_FUNC && type != STT_NOTYPE) || symbol.st_shndx == SHN_UNDEF ||
          symbol.st_shndx >= sections_.size())
        continue;
      const std::string_view name = name_at(strings, symbol.st_name);
      if (!names_.contains(name)) continue;
      const Shdr& section = sections_[symbol.st_shndx];
      if ((section.sh_flags & SHF_EXECINSTR) == 0) continue;
      const auto code = slice(contents(section), symbol.st_value, symbol.st_size);
      if (!code) return damaged();
      out_.found.push_back({std::string(name), std::string(name_of(section)), symbol.st_value,
                            symbol.st_size, *code});
    }
    return {};
  }

  std::string_view file_;
  const std::set<std::string, std::less<>>& names_;
  std::vector<Shdr> sections_;
  std::string_view section_names_;
  Functions out_;
};

/// A decimal field of an archive's header.
std::optional<uint64_t> number_of(std::string_view field) {
  const std::string_view digits = trim(field);
  if (digits.empty() || digits.size() > 12) return std::nullopt;
  uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

Result<Functions> find_functions(std::string_view file,
                                 const std::set<std::string, std::less<>>& names) {
  if (file.size() < EI_NIDENT || file.substr(0, SELFMAG) != std::string_view(ELFMAG, SELFMAG) ||
      file[EI_DATA] != ELFDATA2LSB)
    return fail(ErrorKind::kBadInput, "not an object file");
  if (file[EI_CLASS] == ELFCLASS32) return Reader<Layout32>(file, names).read_all();
  if (file[EI_CLASS] == ELFCLASS64) return Reader<Layout64>(file, names).read_all();
  return damaged();
}

Result<std::vector<std::string>> thin_archive_members(std::string_view file) {
  constexpr std::string_view kMagic = "!<thin>\n";
  constexpr size_t kHeader = 60;
  const auto bad = [] { return fail(ErrorKind::kBadInput, "not a thin archive"); };
  if (!file.starts_with(kMagic)) return bad();
  std::vector<std::string> members;
  std::string_view long_names;
  size_t at = kMagic.size();
  while (at < file.size()) {
    const auto header = slice(file, at, kHeader);
    if (!header || !header->ends_with("`\n")) return bad();
    at += kHeader;
    const std::string_view name = trim(header->substr(0, 16));
    const auto size = number_of(header->substr(48, 10));
    if (!size) return bad();
    if (name == "/" || name == "/SYM64/" || name == "//") {
      const auto data = slice(file, at, *size);
      if (!data) return bad();
      if (name == "//") long_names = *data;
      at += *size + (*size & 1);
      continue;
    }
    if (name.starts_with('/')) {
      // `/5183          /`: binutils may fill the field's last byte.
      const auto offset = number_of(name.substr(1, name.find(' ') - 1));
      if (!offset || *offset >= long_names.size()) return bad();
      const std::string_view rest = long_names.substr(*offset);
      members.emplace_back(rest.substr(0, std::min(rest.find("/\n"), rest.size())));
    } else {
      members.emplace_back(name.substr(0, name.rfind('/')));
    }
  }
  return members;
}

}  // namespace kiln::symbols
