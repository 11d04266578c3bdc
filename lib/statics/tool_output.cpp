#include "lib/statics/tool_output.h"

#include <re2/re2.h>

#include "lib/base/text.h"

namespace kiln::statics {
namespace {

constexpr size_t kMaxLine = 2000;
constexpr size_t kMaxErrors = 1000;

struct Patterns {
  RE2 step{R"re(^  ([A-Z][A-Z0-9_+]*)(?: \[[A-Z]+\])?\s+(\S+)$)re"};
  RE2 complaint{R"re(^([^\s:][^:]*:\d+:\d+): (warning|error): (.*)$)re"};
  RE2 more{R"re(^[^\s:][^:]*:\d+:\d+:\s+(expected|got) (.*)$)re"};
  RE2 error{R"re(^([^\s:][^:]*:\d+)(?::\d+)?: (?:fatal )?error: (.*)$)re"};
};

const Patterns& patterns() {
  static const Patterns all;
  return all;
}

/// The object that kbuild makes from a source.
std::string object_of(std::string source) {
  if (source.ends_with(".c")) source.back() = 'o';
  return source;
}

}  // namespace

void ToolOutput::line(std::string_view raw) {
  while (!raw.empty() && (raw.back() == '\r' || raw.back() == '\n')) raw.remove_suffix(1);
  const std::string text = to_valid_utf8(raw.substr(0, kMaxLine));
  if (step(text) || continues(text)) return;
  flush();
  // kernel-doc speaks last, and names no column; W=1 is what asks for it.
  if (in_sparse_ && RE2::FullMatch(text, patterns().complaint)) {
    sparse_line(text);
    return;
  }
  compiler_.line(text);
  std::string place;
  std::string words;
  if (!unit_.empty() && errors_.size() < kMaxErrors &&
      RE2::FullMatch(text, patterns().error, &place, &words))
    errors_.emplace(unit_, without_root(place) + ": " + words);
}

std::string ToolOutput::without_root(const std::string& path) const {
  return path.starts_with(source_root_ + "/") ? path.substr(source_root_.size() + 1) : path;
}

bool ToolOutput::step(std::string_view text) {
  std::string verb;
  std::string target;
  if (!RE2::FullMatch(text, patterns().step, &verb, &target)) return false;
  flush();
  if (verb == "CHECK") {
    in_sparse_ = true;
    unit_ = object_of(without_root(target));
    // sparse reads a source: its complaints belong to what is made from it.
    sparse_.line("  CC      " + unit_);
    return true;
  }
  in_sparse_ = false;
  unit_ = verb == "CC" ? target : "";
  compiler_.line(text);
  return true;
}

/// sparse says in lines of their own which types it saw.
bool ToolOutput::continues(std::string_view text) {
  std::string word;
  std::string what;
  if (pending_.empty() || !RE2::FullMatch(text, patterns().more, &word, &what)) return false;
  if (pending_.size() < kMaxLine)
    pending_ += (word == "expected" ? ": " : ", ") + word + " " + what;
  return true;
}

void ToolOutput::sparse_line(std::string_view text) {
  std::string place;
  std::string level;
  std::string words;
  if (!RE2::FullMatch(text, patterns().complaint, &place, &level, &words)) return;
  // An error of sparse stops nothing: the compiler decides what compiles.
  pending_ = place + ": warning: " + words;
}

void ToolOutput::flush() {
  if (!pending_.empty()) sparse_.line(pending_);
  pending_.clear();
}

}  // namespace kiln::statics
