#pragma once
/// What addr2line says. Pure. Internal.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::symbols {

/// A function at an address; of inlined ones several, innermost first.
struct Place {
  std::string function;
  std::string file;  ///< "" = not known
  int line = 0;
  bool operator==(const Place&) const = default;
};

/// Output of `addr2line -a -f -i`, by address. `sources` and `objects` are folders whose names are
/// cut off the files'. Addresses without a known line are left out.
std::map<uint64_t, std::vector<Place>> read_addr2line(std::string_view text,
                                                      std::string_view sources,
                                                      std::string_view objects);

}  // namespace kiln::symbols
