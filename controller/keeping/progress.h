#pragma once
/// How far a long piece of work on a data folder is.
#include <cstdint>
#include <functional>
#include <string>

namespace kiln::controller {

struct KeepingProgress {
  std::string step;  ///< "database", "artifacts", "checking" ...
  uint64_t done = 0;
  uint64_t total = 0;
};
/// Called on the working thread, often.
using OnKeeping = std::function<void(const KeepingProgress&)>;

}  // namespace kiln::controller
