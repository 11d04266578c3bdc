#include "lib/symbols/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "lib/base/text.h"
#include "lib/symbols/addr2line.h"
#include "lib/symbols/locate.h"
#include "lib/symbols/object_file.h"
#include "lib/symbols/units.h"

namespace kiln::symbols {
namespace {

constexpr uint64_t kMaxCommand = 4 << 20;
constexpr uint64_t kMaxTwin = 256 << 20;
constexpr uint64_t kMaxAnswer = 4 << 20;
constexpr size_t kMaxUnits = 24;
constexpr size_t kMaxNamesakes = 4;
constexpr size_t kMaxFrames = 64;

/// What a script left behind, when it is a plain file: its writer is not trusted.
Result<std::string> read_plain(const os::Path& path, uint64_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (error || status.type() != std::filesystem::file_type::regular)
    return fail(ErrorKind::kNotFound, fmt::format("{} is not there", path.string()));
  return os::read_file(path, max_bytes);
}

/// One compilation and what is asked of it.
struct Unit {
  std::string name;
  size_t number = 0;  ///< names its files
  bool has_lines = false;
  std::vector<const Candidate*> wanted;
};

class Decoder {
 public:
  Decoder(const std::vector<dmesg::StackEntry>& stack, Build& build, const os::Path& out)
      : stack_(stack), build_(build), out_(out), located_(locate(stack, build.objects())) {
    answers_.resize(stack.size());
    namesakes_.resize(stack.size());
    result_.notes = std::move(located_.notes);
  }

  Result<Decoded> run(std::stop_token stop) {
    choose();
    std::string script;
    for (const Unit& unit : units_) script += script_of(unit);
    if (!script.empty()) KILN_TRY(build_.run(script, out_, std::move(stop)));
    for (const Unit& unit : units_) read_answers(unit);
    for (size_t i = 0; i < stack_.size(); ++i) add_frames(i);
    return std::move(result_);
  }

 private:
  using Places = std::vector<Place>;

  /// The units of the innermost functions first, when there are too many.
  void choose() {
    for (size_t i = 0; i < stack_.size(); ++i) {
      std::vector<const Candidate*> mine;
      for (const Candidate& candidate : located_.candidates)
        if (candidate.entry == i) mine.push_back(&candidate);
      if (mine.size() > kMaxNamesakes) {
        note(i, fmt::format("is the name of {} functions", mine.size()));
        continue;
      }
      namesakes_[i] = mine.size();
      for (const Candidate* candidate : mine) want(*candidate);
    }
  }

  void want(const Candidate& candidate) {
    auto unit = std::find_if(units_.begin(), units_.end(),
                             [&](const Unit& u) { return u.name == candidate.unit; });
    if (unit == units_.end()) {
      if (units_.size() >= kMaxUnits) return;
      units_.push_back({candidate.unit, units_.size(), candidate.has_lines, {}});
      unit = std::prev(units_.end());
    }
    unit->wanted.push_back(&candidate);
  }

  std::string twin_inside(const Unit& unit) const {
    return unit.has_lines ? build_.objects_inside() + "/" + unit.name
                          : fmt::format("{}/{}.o", build_.out_inside(), unit.number);
  }

  /// Compiles the unit with lines and asks for its addresses.
  std::string script_of(const Unit& unit) {
    std::string script;
    if (!unit.has_lines) {
      const size_t slash = unit.name.rfind('/');
      const std::string folder = slash == std::string::npos ? "" : unit.name.substr(0, slash + 1);
      const std::string file = unit.name.substr(slash + 1);
      const auto recorded =
          os::read_file(build_.objects() / (folder + "." + file + ".cmd"), kMaxCommand);
      const auto command = recorded ? twin_command(*recorded, unit.name, twin_inside(unit))
                                    : Result<std::string>(fail(recorded.error()));
      if (!command) {
        result_.notes.push_back(command.error().message);
        return "";
      }
      script += *command + "\n";
    }
    std::map<std::string, std::set<uint64_t>> by_section;
    for (const Candidate* candidate : unit.wanted)
      by_section[candidate->section].insert(candidate->address);
    size_t number = 0;
    for (const auto& [section, addresses] : by_section) {
      script +=
          fmt::format("addr2line -a -f -i -e {} -j {}", twin_inside(unit), shell_quote(section));
      for (const uint64_t address : addresses) script += fmt::format(" {:#x}", address);
      script += fmt::format(" > {}/{}-{}.lines\n", build_.out_inside(), unit.number, number++);
    }
    return script;
  }

  /// The unit's functions as they came out with line information; the code of those that are wanted
  /// must be the kernel's.
  bool is_same_code(const Unit& unit, const Candidate& candidate, const Functions& twin) {
    if (unit.has_lines) return true;
    return std::any_of(twin.found.begin(), twin.found.end(), [&](const Function& function) {
      return function.name == stack_[candidate.entry].symbol &&
             function.section == candidate.section && function.offset == candidate.function &&
             function.code == candidate.code;
    });
  }

  void read_answers(const Unit& unit) {
    std::string file;
    Functions twin;
    if (!unit.has_lines) {
      auto bytes = read_plain(out_ / fmt::format("{}.o", unit.number), kMaxTwin);
      if (!bytes) {
        result_.notes.push_back(fmt::format("{} cannot be compiled again", unit.name));
        return;
      }
      file = std::move(*bytes);
      std::set<std::string, std::less<>> names;
      for (const Candidate* candidate : unit.wanted) names.insert(stack_[candidate->entry].symbol);
      auto functions = find_functions(file, names);
      if (!functions) return;
      twin = std::move(*functions);
    }
    std::set<std::string> sections;
    for (const Candidate* candidate : unit.wanted) sections.insert(candidate->section);
    size_t number = 0;
    for (const std::string& section : sections) {
      const auto text =
          read_plain(out_ / fmt::format("{}-{}.lines", unit.number, number++), kMaxAnswer);
      if (!text) continue;
      const auto places = read_addr2line(*text, build_.sources_inside(), build_.objects_inside());
      for (const Candidate* candidate : unit.wanted) {
        if (candidate->section != section) continue;
        const auto found = places.find(candidate->address);
        if (found == places.end()) continue;
        if (is_same_code(unit, *candidate, twin)) {
          answers_[candidate->entry].push_back(found->second);
        } else {
          note(candidate->entry, "is other code when it is compiled again");
        }
      }
    }
  }

  void note(size_t entry, std::string_view what) {
    result_.notes.push_back(fmt::format("{} {}", stack_[entry].symbol, what));
  }

  void add_frames(size_t i) {
    const dmesg::StackEntry& entry = stack_[i];
    const std::string name(dmesg::without_suffix(entry.symbol));
    const std::vector<Places>& answers = answers_[i];
    const bool agree =
        !answers.empty() && std::all_of(answers.begin(), answers.end(),
                                        [&](const Places& p) { return p == answers.front(); });
    if (answers.size() > 1 && !agree) note(i, "is the name of several functions");
    if (result_.frames.size() >= kMaxFrames) return;
    if (!agree) {
      result_.frames.push_back({name, entry.module, "", 0, false});
      return;
    }
    const Places& places = answers.front();
    for (size_t k = 0; k + 1 < places.size(); ++k)
      result_.frames.push_back(
          {places[k].function, entry.module, places[k].file, places[k].line, true});
    result_.frames.push_back({name, entry.module, places.back().file, places.back().line, false});
    ++result_.with_line;
  }

  const std::vector<dmesg::StackEntry>& stack_;
  Build& build_;
  os::Path out_;
  Located located_;
  std::vector<Unit> units_;
  std::vector<std::vector<Places>> answers_;  ///< by entry, one a candidate
  std::vector<size_t> namesakes_;             ///< by entry: functions that may be it
  Decoded result_;
};

}  // namespace

Result<Decoded> decode(const std::vector<dmesg::StackEntry>& stack, Build& build,
                       const os::Path& temp, std::stop_token stop) {
  KILN_TRY(os::make_dirs(temp));
  KILN_ASSIGN(const os::TempFolder out, os::TempFolder::make(temp, "decode-"));
  return Decoder(stack, build, out.path()).run(std::move(stop));
}

}  // namespace kiln::symbols
