#pragma once
/// What `kiln findings` gets from the command line. Plain data.
#include <cstdint>
#include <string>
#include <vector>

namespace kiln::cli {

struct FindingsOptions {
  std::string state = "open";
  std::string where;
  std::vector<std::string> names;  ///< "412/f3"
  std::string reason, owner, span;
  int limit = 500;
  int64_t decision = 0;
};

}  // namespace kiln::cli
