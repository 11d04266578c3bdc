#include "lib/kernel/build.h"

#include <fmt/format.h>

#include "lib/kernel/output.h"
#include "lib/os/files.h"

namespace kiln::kernel {

std::string build_key(const BuildInput& input) {
  os::Sha256 hash;
  hash.update("kiln-build-1");
  for (const std::string* field :
       {&input.tree_id, &input.arch, &input.config_text, &input.toolchain, &input.bench_digest}) {
    hash.update(fmt::format(":{}:", field->size()));
    hash.update(*field);
  }
  for (const std::string& file : input.profiled)
    hash.update(fmt::format(":profiled:{}:{}", file.size(), file));
  return hash.hex();
}

std::vector<Warning> new_warnings(const std::vector<Warning>& baseline,
                                  const std::vector<Warning>& patched) {
  std::map<std::pair<std::string, std::string>, int> known;
  for (const Warning& w : baseline) ++known[{w.file, w.text}];
  std::vector<Warning> fresh;
  for (const Warning& w : patched)
    if (--known[{w.file, w.text}] < 0) fresh.push_back(w);
  return fresh;
}

}  // namespace kiln::kernel
