#include "lib/verdict/not_tested.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

namespace kiln::verdict {
namespace {

constexpr size_t kMaxPlaces = 200;
constexpr size_t kMaxLinesNamed = 8;

NotTested from_spec(const job::NotReachedSpec& spec) {
  NotTested out{spec.file, 0, spec.what, spec.needs};
  const size_t colon = spec.file.rfind(':');
  if (colon == std::string::npos) return out;
  int line = 0;
  const char* end = spec.file.data() + spec.file.size();
  const auto parsed = std::from_chars(spec.file.data() + colon + 1, end, line);
  if (parsed.ec != std::errc() || parsed.ptr != end || line <= 0) return out;
  out.file = spec.file.substr(0, colon);
  out.line = line;
  return out;
}

/// Lines of one function with one mark.
struct Place {
  std::string file;
  std::string function;
  reach::Mark mark = reach::Mark::kNone;
  std::string why;         ///< of the first
  std::vector<int> lines;  ///< ascending, each once
};

bool is_not_tested(reach::Mark mark) {
  return mark == reach::Mark::kNotExecuted || mark == reach::Mark::kNotCompiled ||
         mark == reach::Mark::kUnknown;
}

std::vector<Place> places_of(const reach::Reach& reach) {
  std::vector<Place> places;
  for (const reach::MarkedFile& file : reach.files) {
    for (const reach::MarkedLine& line : file.lines) {
      if (!is_not_tested(line.mark)) continue;
      const auto same = std::find_if(places.begin(), places.end(), [&](const Place& place) {
        return place.file == file.path && place.function == line.function &&
               place.mark == line.mark;
      });
      Place& place =
          same != places.end()
              ? *same
              : places.emplace_back(Place{file.path, line.function, line.mark, line.why, {}});
      if (place.lines.empty() || place.lines.back() != line.line) place.lines.push_back(line.line);
    }
  }
  return places;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Whether `text` names the function: as a word, not as a part of one.
bool names(const std::string& text, const std::string& function) {
  if (function.empty()) return false;
  for (size_t at = text.find(function); at != std::string::npos; at = text.find(function, at + 1)) {
    const size_t end = at + function.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return true;
  }
  return false;
}

/// The job's words about a place: those that name its function or line, else the only ones about
/// its file. -1 = none.
int spec_of(const std::vector<NotTested>& specs, const Place& place) {
  int only = -1;
  int of_file = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].file != place.file) continue;
    const bool its_line =
        std::find(place.lines.begin(), place.lines.end(), specs[i].line) != place.lines.end();
    if (its_line || names(specs[i].what, place.function)) return static_cast<int>(i);
    ++of_file;
    only = static_cast<int>(i);
  }
  return of_file == 1 ? only : -1;
}

std::string lines_words(const Place& place) {
  std::string text = place.lines.size() == 1 ? "line " : "lines ";
  for (size_t i = 0; i < place.lines.size() && i < kMaxLinesNamed; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(place.lines[i]);
  if (place.lines.size() > kMaxLinesNamed)
    text += fmt::format(" and {} more", place.lines.size() - kMaxLinesNamed);
  return text;
}

std::string mark_words(const Place& place) {
  const bool one = place.lines.size() == 1;
  switch (place.mark) {
    case reach::Mark::kNotExecuted:
      return one ? "is not executed" : "are not executed";
    case reach::Mark::kNotCompiled:
      return fmt::format("{} not compiled here: {}", one ? "is" : "are", place.why);
    default:
      return fmt::format("cannot be told: {}", place.why);
  }
}

/// A run that is judged again has its notes already.
void note(std::string text, std::vector<std::string>* notes) {
  if (std::find(notes->begin(), notes->end(), text) == notes->end())
    notes->push_back(std::move(text));
}

/// A test that ran another changed line of the place's function; "" = none.
std::string test_in_function(const reach::Reach& reach, const Place& place) {
  for (const reach::MarkedFile& file : reach.files)
    if (file.path == place.file)
      for (const reach::MarkedLine& line : file.lines)
        if (line.function == place.function && !line.tests.empty()) return line.tests.front();
  return "";
}

/// What would reach a place of which the job says nothing.
std::string needs_of(const reach::Reach& reach, const Place& place) {
  const std::string function = place.function.empty() ? "it" : place.function + "()";
  switch (place.mark) {
    case reach::Mark::kNotExecuted: {
      const std::string test = place.function.empty() ? "" : test_in_function(reach, place);
      return test.empty() ? "a test that runs " + function
                          : fmt::format("a test that takes this way through {}, as {} does not",
                                        function, test);
    }
    case reach::Mark::kNotCompiled:
      if (place.why == reach::kInNoObject) return "a config that builds the file";
      if (place.why == reach::kLeftOut) return "a config in which its #if holds";
      if (place.why == reach::kNoFunction) return "a config in which something calls " + function;
      return "a config that compiles it";
    default:
      return "a reader: no counter tells";
  }
}

NotTested words_of(const reach::Reach& reach, const Place& place, const NotTested* spec) {
  NotTested out{place.file, place.lines.front(), "", ""};
  std::string subject = place.function.empty() ? "" : place.function + "(): ";
  if (spec == nullptr) {
    out.needs = needs_of(reach, place);
  } else {
    out.needs = spec->needs;
    if (names(spec->what, place.function) || place.function.empty()) subject = spec->what + "; ";
  }
  out.what = subject + lines_words(place) + " " + mark_words(place);
  return out;
}

}  // namespace

std::vector<NotTested> not_tested_places(const Input& input, std::vector<std::string>* notes) {
  std::vector<NotTested> specs;
  for (const job::NotReachedSpec& spec : input.job.not_reached) specs.push_back(from_spec(spec));
  if (input.reach.state != "measured" && input.reach.state != "partly") return specs;
  std::vector<NotTested> out;
  std::vector<bool> used(specs.size(), false);
  for (const Place& place : places_of(input.reach)) {
    const int spec = spec_of(specs, place);
    if (spec >= 0) used[static_cast<size_t>(spec)] = true;
    out.push_back(
        words_of(input.reach, place, spec < 0 ? nullptr : &specs[static_cast<size_t>(spec)]));
  }
  for (size_t i = 0; i < specs.size(); ++i) {
    if (used[i]) continue;
    const bool measured =
        std::any_of(input.reach.files.begin(), input.reach.files.end(),
                    [&](const reach::MarkedFile& file) { return file.path == specs[i].file; });
    // What the series does not change was not measured.
    if (!measured)
      out.push_back(specs[i]);
    else
      note(fmt::format("the job calls {} in {} not reached: it was executed", specs[i].what,
                       specs[i].file),
           notes);
  }
  if (out.size() <= kMaxPlaces) return out;
  note(fmt::format("{} more places are not tested", out.size() - kMaxPlaces), notes);
  out.resize(kMaxPlaces);
  return out;
}

}  // namespace kiln::verdict
