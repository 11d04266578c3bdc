/// Fuzzes the readers of a test's text files: journal.txt, out.txt, err.txt and dmesg.txt, parted
/// by NUL bytes in the input.
#include <cstdint>
#include <cstdlib>

#include "lib/igt/kmsg.h"
#include "lib/igt/reason.h"
#include "lib/igt/text_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&rest] {
    const size_t end = rest.find('\0');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return part;
  };
  const std::string_view journal = next();
  const std::string_view out = next();
  const std::string_view err = next();
  kiln::igt::Budget budget{1 << 20};
  kiln::igt::Collector collector("asked", 1024, 50, budget);
  kiln::igt::read_text_log(journal, out, collector);
  auto told = collector.take();
  kiln::igt::add_err(err, told, budget);
  const auto log = kiln::igt::read_kmsg(rest, 1024, 50, budget);
  if (told.empty() || told.size() > 50 || log.of_test.size() > 50) std::abort();
  for (const auto& test : told) {
    const std::string words = log.unmarked.words.str();
    const auto reason =
        kiln::igt::reason_of({test.outcome, test.out.str(), test.err.str(), words, ""});
    if (reason.size() > 310 || reason.find('\n') != std::string::npos) std::abort();
    (void)kiln::igt::kernel_words(log.unmarked.all.str(), 1024);
  }
  return 0;
}
