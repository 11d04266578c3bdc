/// Feeds bytes to the reader of cron expressions: it must end with an expression that has a next
/// time, or with an error that renders as text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/text.h"
#include "lib/cron/next.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = kiln::cron::parse(text);
  if (!parsed) {
    const std::string shown = kiln::render(parsed.error());
    if (shown.empty() || shown.size() > 2000 || kiln::to_valid_utf8(shown) != shown)
      __builtin_trap();
    return 0;
  }
  const auto now = kiln::WallTime(kiln::Millis(1'790'000'000'000));
  const auto next = kiln::cron::next_after(*parsed, kiln::cron::Zone::utc(), now);
  if (!next || *next <= now) __builtin_trap();
  return 0;
}
