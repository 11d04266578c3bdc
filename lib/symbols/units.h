#pragma once
/// Which compilation a kernel's function came from, and how it was compiled. Reads a build's object
/// folder; what stands there was made by the sources' own makefiles and is not trusted.
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::symbols {

/// The object files of a module ("" = of vmlinux), relative to the folder. kNotFound when the build
/// has no such module.
Result<std::vector<std::string>> units_of(const os::Path& objects, const std::string& module);

/// The recorded command of a unit (`drivers/x/.y.o.cmd`), changed to write `target` with line
/// information: `gcc ... -g -c -o target y.c; objtool ... target`. It is a shell's command that
/// runs in the object folder. kBadInput when the text records no compilation of this unit.
Result<std::string> twin_command(std::string_view cmd_file, const std::string& unit,
                                 const std::string& target);

}  // namespace kiln::symbols
