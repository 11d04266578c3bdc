#include "lib/igt/text_log.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <optional>

namespace kiln::igt {
namespace {

constexpr std::string_view kStart = "Starting subtest: ";
constexpr std::string_view kStartDynamic = "Starting dynamic subtest: ";
constexpr std::string_view kEnd = "Subtest ";
constexpr std::string_view kEndDynamic = "Dynamic subtest ";

/// `name: WORD (0.123s)`
struct Ending {
  std::string_view name;
  std::string_view word;
  double seconds = 0;
};

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

double seconds_behind_bracket(std::string_view text) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos) return 0;
  const std::string number(text.substr(open + 1, 40));
  const double seconds = std::strtod(number.c_str(), nullptr);
  return seconds >= 0 && seconds < 1e9 ? seconds : 0;
}

std::optional<Ending> parse_ending(std::string_view rest) {
  size_t length = 0;
  while (length < rest.size() && is_name_char(rest[length])) ++length;
  if (length == 0 || !rest.substr(length).starts_with(": ")) return std::nullopt;
  const std::string_view behind = rest.substr(length + 2);
  size_t word = 0;
  while (word < behind.size() && std::isupper(static_cast<unsigned char>(behind[word]))) ++word;
  if (word == 0) return std::nullopt;
  return Ending{rest.substr(0, length), behind.substr(0, word),
                seconds_behind_bracket(behind.substr(word))};
}

/// Calls `take(line)` for each line, without its newline.
template <typename Take>
void each_line(std::string_view text, Take take) {
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line);
    begin = end + 1;
  }
}

std::string_view name_of(std::string_view line, std::string_view prefix) {
  line.remove_prefix(prefix.size());
  return line.substr(0, line.find(' '));
}

}  // namespace

std::string read_text_log(std::string_view journal, std::string_view out, Collector& into) {
  std::string version;
  into.executed();
  each_line(out, [&](std::string_view line) {
    if (line.starts_with("IGT-Version: ") && version.empty()) {
      version = std::string(line.substr(0, 256));
    } else if (line.starts_with(kStartDynamic)) {
      into.dynamic_started(name_of(line, kStartDynamic));
    } else if (line.starts_with(kStart)) {
      into.subtest_started(name_of(line, kStart));
    } else if (line.starts_with(kEndDynamic) && parse_ending(line.substr(kEndDynamic.size()))) {
      const Ending ending = *parse_ending(line.substr(kEndDynamic.size()));
      into.dynamic_ended(ending.name, ending.word, ending.seconds, "");
    } else if (line.starts_with(kEnd) && parse_ending(line.substr(kEnd.size()))) {
      const Ending ending = *parse_ending(line.substr(kEnd.size()));
      into.subtest_ended(ending.name, ending.word, ending.seconds, "");
    } else {
      into.log(false, std::string(line) + "\n");
    }
  });
  std::string last_started;
  each_line(journal, [&](std::string_view line) {
    if (line.starts_with("exit:")) {
      const std::string code(line.substr(5, 16));
      into.exited(std::atoi(code.c_str()), seconds_behind_bracket(line));
    } else if (line.starts_with("timeout:")) {
      into.overridden("timeout");
      into.exited(-1000, seconds_behind_bracket(line));
    } else if (!line.empty()) {
      last_started = std::string(line.substr(0, 128));
    }
  });
  // Killed before the output reached the disk: only the journal knows what had started.
  if (!into.has_tests() && !last_started.empty()) into.subtest_started(last_started);
  return version;
}

std::vector<ErrPart> split_err(std::string_view err) {
  std::vector<ErrPart> parts(1);
  const auto part_for = [&parts](std::string_view subtest, std::string_view dynamic) {
    if (parts.back().subtest == subtest && parts.back().dynamic == dynamic) return;
    parts.push_back({std::string(subtest), std::string(dynamic), ""});
  };
  each_line(err, [&](std::string_view line) {
    if (line.starts_with(kStart)) {
      part_for(name_of(line, kStart), "");
    } else if (line.starts_with(kStartDynamic)) {
      const std::string subtest = parts.back().subtest;
      part_for(subtest, name_of(line, kStartDynamic));
    } else if (line.starts_with(kEndDynamic) && parse_ending(line.substr(kEndDynamic.size()))) {
      const std::string subtest = parts.back().subtest;
      part_for(subtest, "");
    } else if (line.starts_with(kEnd) && parse_ending(line.substr(kEnd.size()))) {
      // What comes behind an ending is told by the next mark.
      const auto ending = parse_ending(line.substr(kEnd.size()));
      part_for(ending->name, "");
    } else {
      parts.back().text += std::string(line) + "\n";
    }
  });
  return parts;
}

void add_err(std::string_view err, std::vector<Told>& tests, Budget& budget) {
  if (err.empty() || tests.empty()) return;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (size_t i = 0; i < tests.size(); ++i)
    index.emplace(std::pair(tests[i].subtest, tests[i].dynamic), i);
  const auto add = [&](const std::string& subtest, const std::string& dynamic,
                       const std::string& text) {
    const auto found = index.find(std::pair(subtest, dynamic));
    Told& told = found == index.end() ? tests.front() : tests[found->second];
    told.err.append(text, &budget);
    told.err_text = true;
  };
  for (const ErrPart& part : split_err(err)) {
    if (part.text.empty()) continue;
    add(part.subtest, part.dynamic, part.text);
    if (!part.dynamic.empty()) add(part.subtest, "", part.text);
  }
}

}  // namespace kiln::igt
