/// Fuzzes the reader of `comms` files: any bytes, in portions, and the same tests as in one piece.
#include <cstdint>
#include <cstdlib>

#include "lib/igt/comms.h"

namespace {

std::vector<kiln::igt::Told> read(std::string_view bytes, size_t portion) {
  kiln::igt::Budget budget{1 << 20};
  kiln::igt::Collector collector("asked", 512, 50, budget);
  kiln::igt::CommsReader reader(collector);
  for (size_t at = 0; at < bytes.size(); at += portion) reader.feed(bytes.substr(at, portion));
  (void)reader.finish();
  return collector.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read(bytes, size + 1);
  const auto portions = read(bytes, 7);
  if (whole.size() != portions.size() || whole.size() > 50) std::abort();
  for (size_t i = 0; i < whole.size(); ++i) {
    if (whole[i].subtest != portions[i].subtest || whole[i].outcome != portions[i].outcome)
      std::abort();
    if (whole[i].outcome.empty() || whole[i].out.str().size() > 512 + 64) std::abort();
  }
  return 0;
}
