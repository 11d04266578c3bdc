#include "lib/os/host.h"

#include <unistd.h>

#include "lib/base/text.h"
#include "lib/os/files.h"

namespace kiln::os {

std::string host_id() {
  if (const auto id = read_file("/etc/machine-id", 100)) {
    const std::string_view text = trim(*id);
    if (!text.empty() && text != "uninitialized") return std::string(text);
  }
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != 0 ? name : "this computer";
}

std::string own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

}  // namespace kiln::os
