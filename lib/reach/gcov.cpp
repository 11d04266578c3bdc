#include "lib/reach/gcov.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace kiln::reach {
namespace {

using nlohmann::json;

constexpr int kMaxLine = 10'000'000;

/// The path below the source's root, "" when it is none of the wanted files.
std::string wanted_path(std::string_view path, const Wanted& wanted) {
  if (path.starts_with(wanted.source_root) && path.size() > wanted.source_root.size() &&
      path[wanted.source_root.size()] == '/')
    path.remove_prefix(wanted.source_root.size() + 1);
  std::string name(path);
  return wanted.files.contains(name) ? name : std::string();
}

bool is_line(const json& value) {
  return value.is_number_integer() && value.get<int64_t>() > 0 && value.get<int64_t>() <= kMaxLine;
}

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

void read_lines(const json& list, FileCounts* file) {
  for (const json& line : list) {
    const json* number = member(line, "line_number");
    const json* count = member(line, "count");
    if (number == nullptr || count == nullptr || !is_line(*number) || !count->is_number()) continue;
    // gcov writes counts as integers; of several functions on a line the busiest counts.
    const uint64_t value = count->is_number_unsigned() ? count->get<uint64_t>() : 0;
    uint64_t& known = file->lines[number->get<int>()];
    known = std::max(known, value);
  }
}

void read_functions(const json& list, FileCounts* file) {
  for (const json& function : list) {
    const json* name = member(function, "name");
    const json* first = member(function, "start_line");
    const json* last = member(function, "end_line");
    if (name == nullptr || first == nullptr || last == nullptr || !name->is_string() ||
        !is_line(*first) || !is_line(*last))
      continue;
    file->functions.push_back({name->get<std::string>(), first->get<int>(), last->get<int>()});
  }
}

}  // namespace

Result<GcovAnswer> read_gcov(std::string_view text, const Wanted& wanted) {
  const json document = json::parse(text, nullptr, false);
  const json* files = member(document, "files");
  if (files == nullptr || !files->is_array())
    return fail(ErrorKind::kBadInput,
                fmt::format("gcov's answer of {} bytes is no list of files", text.size()));
  GcovAnswer out;
  if (const json* data = member(document, "data_file"); data != nullptr && data->is_string())
    out.data_file = data->get<std::string>();
  for (const json& entry : *files) {
    const json* name = member(entry, "file");
    if (name == nullptr || !name->is_string()) continue;
    FileCounts file;
    file.path = wanted_path(name->get_ref<const std::string&>(), wanted);
    if (file.path.empty()) continue;
    if (const json* lines = member(entry, "lines"); lines != nullptr && lines->is_array())
      read_lines(*lines, &file);
    if (const json* functions = member(entry, "functions");
        functions != nullptr && functions->is_array())
      read_functions(*functions, &file);
    out.files.push_back(std::move(file));
  }
  return out;
}

void LineSet::add(int first, int last) {
  if (first > last) return;
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first - 1) {
    --at;
    first = at->first;
    last = std::max(last, at->second);
    at = ranges_.erase(at);
  }
  while (at != ranges_.end() && at->first <= last + 1) {
    last = std::max(last, at->second);
    at = ranges_.erase(at);
  }
  ranges_[first] = last;
}

void LineSet::add(const LineSet& other) {
  for (const auto& [first, last] : other.ranges_) add(first, last);
}

bool LineSet::has(int line) const {
  return any(line, line);
}

bool LineSet::any(int first, int last) const {
  const auto at = ranges_.upper_bound(last);
  return at != ranges_.begin() && std::prev(at)->second >= first;
}

std::map<std::string, LineSet> compiled_lines(std::string_view text, const Wanted& wanted) {
  std::map<std::string, LineSet> out;
  LineSet* file = nullptr;
  int line = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    int marked = 0;
    // # 12 "/kiln/src/mm/highmem.c" 2
    if (row.starts_with("# ")) {
      const auto [stop, error] = std::from_chars(row.data() + 2, row.data() + row.size(), marked);
      const size_t open = row.find('"');
      const size_t close = row.rfind('"');
      if (error == std::errc() && marked >= 0 && marked < kMaxLine && open < close) {
        const std::string path = wanted_path(row.substr(open + 1, close - open - 1), wanted);
        file = path.empty() ? nullptr : &out[path];
        line = marked;
        continue;
      }
    }
    if (file != nullptr && row.find_first_not_of(" \t\r\f") != std::string_view::npos)
      file->add(line);
    if (line < kMaxLine) ++line;
  }
  return out;
}

}  // namespace kiln::reach
