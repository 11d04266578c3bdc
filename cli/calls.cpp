#include "cli/calls.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace kiln::cli {

std::string who_asks() {
  if (const char* named = std::getenv("KILN_USER"); named != nullptr && *named != '\0')
    return named;
  const passwd* user = ::getpwuid(::getuid());
  char computer[256] = "";
  (void)::gethostname(computer, sizeof computer - 1);
  return fmt::format("{}@{}", user != nullptr ? user->pw_name : "somebody", computer);
}

}  // namespace kiln::cli
