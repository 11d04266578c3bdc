#pragma once
/// The functions of an object file, with their code. Pure; every offset of the file is checked, for
/// whoever wrote the sources may have written it.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::symbols {

/// A function as the assembler placed it.
struct Function {
  std::string name;
  std::string section;    ///< ".text", ".text.unlikely", ...
  uint64_t offset = 0;    ///< in its section
  uint64_t size = 0;      ///< 0 = not told (assembler code)
  std::string_view code;  ///< its bytes in the file that was read, before relocation
};

/// What is read of an object file.
struct Functions {
  std::vector<Function> found;
  bool has_lines = false;  ///< it carries line information
};

/// The functions of these names in a relocatable 32- or 64-bit little-endian ELF file. kBadInput
/// when it is none or damaged. `code` points into `file`.
Result<Functions> find_functions(std::string_view file,
                                 const std::set<std::string, std::less<>>& names);

/// The members' names of a thin archive (`!<thin>`), which is how the kernel's make lists the
/// objects of vmlinux. kBadInput when it is none or damaged.
Result<std::vector<std::string>> thin_archive_members(std::string_view file);

}  // namespace kiln::symbols
