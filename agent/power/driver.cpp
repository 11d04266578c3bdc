#include "agent/power/driver.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "lib/base/text.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::agent {

Result<std::string> read_secret(const machine::Secret& secret) {
  if (secret.file.empty()) {
    const char* value = std::getenv(secret.env.c_str());
    if (value != nullptr && *value != '\0') return std::string(value);
    return fail(ErrorKind::kNotFound,
                fmt::format("the variable {} is not set in the agent's environment", secret.env));
  }
  struct stat info {};
  if (::stat(secret.file.c_str(), &info) != 0)
    return fail(os::errno_error("read", secret.file, errno));
  if ((info.st_mode & 077) != 0)
    return fail(Error(ErrorKind::kPermission,
                      fmt::format("{} holds a password and others may read it", secret.file))
                    .with_hint("chmod 600 " + secret.file));
  KILN_ASSIGN(const std::string text, os::read_file(secret.file, 4096));
  std::string line = split(text, '\n').front();
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return fail(ErrorKind::kBadInput, secret.file + " is empty");
  return line;
}

Status need_program(const std::string& program, const std::string& package) {
  if (!os::find_program(program).empty()) return {};
  return fail(Error(ErrorKind::kNotFound, program + " is not installed on the agent's computer")
                  .with_hint("sudo apt-get install -y --no-install-recommends " + package));
}

bool real_pause(Millis time, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace kiln::agent
