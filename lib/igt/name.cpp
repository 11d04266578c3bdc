#include "lib/igt/name.h"

#include <algorithm>
#include <cctype>

namespace kiln::igt {
namespace {

std::string clean_part(std::string_view part) {
  std::string out(part.substr(0, kMaxNamePart));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    const bool allowed = byte < 0x80 && (std::isalnum(byte) != 0 ||
                                         std::string_view("-_.:+@/").find(c) != std::string::npos);
    c = allowed ? static_cast<char>(std::tolower(byte)) : '_';
  }
  return out;
}

}  // namespace

std::string test_name(std::string_view binary, std::string_view subtest, std::string_view dynamic) {
  std::string name = "igt@" + clean_part(binary);
  if (!subtest.empty()) name += "@" + clean_part(subtest);
  if (!subtest.empty() && !dynamic.empty()) name += "@" + clean_part(dynamic);
  return name;
}

std::string as_reported(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool covers(std::string_view entry, std::string_view result) {
  const std::string wanted = as_reported(entry);
  const std::string got = as_reported(result);
  return got == wanted || got.starts_with(wanted + "@");
}

}  // namespace kiln::igt
