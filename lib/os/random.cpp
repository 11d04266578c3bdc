#include "lib/os/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace kiln::os {

Result<std::string> random_bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t done = 0; done < count;) {
    const ssize_t n = ::getrandom(bytes.data() + done, count - done, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(ErrorKind::kInternal, std::string("cannot get random bytes: ") + strerror(errno));
    done += static_cast<size_t>(n);
  }
  return bytes;
}

}  // namespace kiln::os
