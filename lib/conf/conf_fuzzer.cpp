/// Feeds bytes to the YAML reader: whatever they are, it must end with a tree or an error that
/// renders.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/text.h"
#include "lib/conf/document.h"
#include "lib/conf/read.h"

namespace {

/// Shaped like a job file, so that the readers meet every kind of value.
struct Sample {
  std::string name;
  std::string file;
  std::vector<std::string> words;
  bool flag = false;
  int count = 1;
  double share = 0;
  uint64_t bytes = 0;
  kiln::Millis wait{0};
  std::vector<Sample> parts;
};

kiln::conf::Object table(Sample* sample) {
  namespace conf = kiln::conf;
  conf::Object object;
  object.optional("name", conf::name(&sample->name))
      .optional("file", conf::path(&sample->file, conf::PathKind::kAny))
      .optional("words", conf::text_list(&sample->words))
      .optional("flag", conf::boolean(&sample->flag))
      .optional("count", conf::integer(&sample->count, 0, 100))
      .optional("share", conf::real(&sample->share, 0, 1))
      .optional("bytes", conf::size(&sample->bytes, 0, 1ULL << 40))
      .optional("wait", conf::duration(&sample->wait, kiln::Millis(0), kiln::Millis(1 << 30)));
  return object;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = kiln::conf::parse("fuzz.yaml", "/nowhere", text);
  if (!document) {
    if (kiln::render(document.error()).empty()) __builtin_trap();
    return 0;
  }
  Sample sample;
  kiln::conf::Object root = table(&sample);
  root.optional("parts", kiln::conf::list_of<Sample>(&sample.parts, table));
  const kiln::conf::Node node(*document);
  const auto read = root.read(node);
  if (!read) {
    const std::string shown = kiln::render(read.error());
    if (shown.empty() || kiln::to_valid_utf8(shown) != shown) __builtin_trap();
  }
  return 0;
}
