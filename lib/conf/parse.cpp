/// The only file that knows yaml-cpp. Its event interface is used rather than its node tree: nodes
/// hide duplicate keys, write through aliases and lose positions.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "lib/base/text.h"
#include "lib/conf/document.h"

namespace kiln::conf {
namespace {

/// Byte column (from 0) of a line as a character column (from 1).
int character_column(std::string_view line, int byte_column) {
  int column = 1;
  const auto end = std::min(line.size(), static_cast<size_t>(std::max(0, byte_column)));
  for (size_t i = 0; i < end; ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xc0) != 0x80) ++column;
  }
  return column;
}

struct Place {
  int line = 0;
  int column = 0;
};

struct Problem {
  Place place;
  int span = 1;
  std::string message;
  std::string hint;
};

/// Builds the tree from yaml-cpp's events. After the first problem all further events are ignored.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::vector<std::string>& lines) : lines_(&lines) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    put(mark, anchor, std::move(value));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (refuse_tag(mark, tag)) return;
    Value value;
    value.type = Value::Type::kText;
    value.text = text;
    value.quoted = tag == "!";
    put(mark, anchor, std::move(value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Value::Type::kList, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Value::Type::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }
  Value take_root() { return std::move(root_); }
  /// The innermost `[` or `{` that is still open, when the parser failed with `words`.
  [[nodiscard]] std::optional<Problem> unclosed(const std::string& words);

 private:
  /// A list or map that has begun and not ended.
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    bool flow = false;
    std::optional<Value::Member> key;  ///< read, its value comes next
    std::map<std::string, int> seen;   ///< key -> line
  };

  [[nodiscard]] Place place(const YAML::Mark& mark) const {
    const auto index = static_cast<size_t>(std::max(0, mark.line));
    const std::string_view line = index < lines_->size() ? std::string_view((*lines_)[index]) : "";
    return {mark.line + 1, character_column(line, mark.column)};
  }
  void stop(Place where, int span, std::string message, std::string hint = "") {
    if (!problem_) problem_ = Problem{where, span, std::move(message), std::move(hint)};
  }
  bool refuse_tag(const YAML::Mark& mark, const std::string& tag);
  bool count(Place where, int values);
  void open(Value::Type type, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style);
  void close();
  void put(const YAML::Mark& mark, YAML::anchor_t anchor, Value value);
  void attach(Value value);
  void take_key(Value value);
  [[nodiscard]] bool wants_key() const {
    return !frames_.empty() && frames_.back().value.type == Value::Type::kMap &&
           !frames_.back().key;
  }

  const std::vector<std::string>* lines_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Value> anchors_;
  Value root_;
  int values_ = 0;
  std::optional<Problem> problem_;
  std::optional<Problem> flow_key_;  ///< a list or map in a key's place, should it not be closed
};

Problem not_closed(Place where, Value::Type type) {
  const bool list = type == Value::Type::kList;
  return {where, 1, fmt::format("this `{}` is not closed", list ? '[' : '{'),
          fmt::format("a `,` or `{}` is missing after it", list ? ']' : '}')};
}

int tree_size(const Value& value) {
  int size = 1;
  for (const Value& item : value.items) size += tree_size(item);
  for (const Value::Member& member : value.members) size += tree_size(member.value);
  return size;
}

int tree_depth(const Value& value) {
  if (value.type != Value::Type::kList && value.type != Value::Type::kMap) return 0;
  int depth = 0;
  for (const Value& item : value.items) depth = std::max(depth, tree_depth(item));
  for (const Value::Member& m : value.members) depth = std::max(depth, tree_depth(m.value));
  return depth + 1;
}

bool TreeBuilder::refuse_tag(const YAML::Mark& mark, const std::string& tag) {
  if (problem_) return true;
  if (tag.empty() || tag == "?" || tag == "!") return false;
  stop(place(mark), 1, "YAML tags are not supported here", "remove the `!` word");
  return true;
}

bool TreeBuilder::count(Place where, int values) {
  values_ += values;
  if (values_ <= kMaxValues) return true;
  stop(where, 1, fmt::format("the file holds more than {} values", kMaxValues),
       "aliases count as what they repeat");
  return false;
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (problem_) return;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    stop(place(mark), 1, "this alias contains itself");
    return;
  }
  if (static_cast<int>(frames_.size()) + tree_depth(found->second) > kMaxDepth) {
    stop(place(mark), 1,
         fmt::format("lists and maps inside each other more than {} deep", kMaxDepth));
    return;
  }
  if (!count(place(mark), tree_size(found->second))) return;
  if (wants_key()) {
    stop(place(mark), 1, "an alias cannot be a field's name");
    return;
  }
  attach(found->second);
}

void TreeBuilder::open(Value::Type type, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
  if (refuse_tag(mark, tag)) return;
  if (wants_key()) {
    stop(place(mark), 1, "a field's name must be text, not a list or map");
    if (style == YAML::EmitterStyle::Flow) flow_key_ = not_closed(place(mark), type);
    return;
  }
  if (static_cast<int>(frames_.size()) >= kMaxDepth) {
    stop(place(mark), 1,
         fmt::format("lists and maps inside each other more than {} deep", kMaxDepth));
    return;
  }
  if (!count(place(mark), 1)) return;
  Frame frame;
  frame.value.type = type;
  const Place where = place(mark);
  frame.value.line = where.line;
  frame.value.column = where.column;
  frame.anchor = anchor;
  frame.flow = style == YAML::EmitterStyle::Flow;
  frames_.push_back(std::move(frame));
}

void TreeBuilder::close() {
  if (problem_ || frames_.empty()) return;
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.anchor != 0) anchors_[frame.anchor] = frame.value;
  attach(std::move(frame.value));
}

void TreeBuilder::put(const YAML::Mark& mark, YAML::anchor_t anchor, Value value) {
  if (problem_) return;
  const Place where = place(mark);
  if (!count(where, 1)) return;
  value.line = where.line;
  value.column = where.column;
  // yaml-cpp places an absent value at the next word, maybe lines below: the key is the better
  // place.
  if (value.type == Value::Type::kNothing && !frames_.empty() && frames_.back().key) {
    value.line = frames_.back().key->line;
    value.column = frames_.back().key->column;
  }
  if (anchor != 0) anchors_[anchor] = value;
  if (wants_key()) {
    take_key(std::move(value));
  } else {
    attach(std::move(value));
  }
}

void TreeBuilder::take_key(Value value) {
  const Place where{value.line, value.column};
  Frame& frame = frames_.back();
  if (value.type != Value::Type::kText) {
    stop(where, 1, "a field's name is missing before `:`");
    return;
  }
  const int span = static_cast<int>(value.text.size());
  if (value.text == "<<" && !value.quoted) {
    stop(where, span, "merges (`<<`) are not supported here", "write the fields out");
    return;
  }
  const auto [first, fresh] = frame.seen.emplace(value.text, value.line);
  if (!fresh) {
    stop(where, span, fmt::format("field `{}` is given twice", value.text),
         fmt::format("first in line {}", first->second));
    return;
  }
  frame.key = Value::Member{std::move(value.text), where.line, where.column, {}};
}

void TreeBuilder::attach(Value value) {
  if (frames_.empty()) {
    root_ = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.value.type == Value::Type::kList) {
    frame.value.items.push_back(std::move(value));
    return;
  }
  frame.key->value = std::move(value);
  frame.value.members.push_back(std::move(*frame.key));
  frame.key.reset();
}

std::optional<Problem> TreeBuilder::unclosed(const std::string& words) {
  const bool flow_end =
      words == YAML::ErrorMsg::END_OF_SEQ_FLOW || words == YAML::ErrorMsg::END_OF_MAP_FLOW;
  if (flow_end && flow_key_) {  // the parser took the open bracket for a key
    problem_.reset();
    return flow_key_;
  }
  if (frames_.empty() || !frames_.back().flow) return std::nullopt;
  const Value& value = frames_.back().value;
  return not_closed({value.line, value.column}, value.type);
}

/// yaml-cpp's words in ours where they can be said better.
std::string parser_words(const std::string& words) {
  if (words == YAML::ErrorMsg::UNKNOWN_ANCHOR) return "this alias has no anchor before it";
  if (words == YAML::ErrorMsg::END_OF_MAP) return "this line is indented differently from its map";
  if (words == YAML::ErrorMsg::END_OF_SEQ) return "this line is indented differently from its list";
  if (words == YAML::ErrorMsg::EOF_IN_SCALAR) return "the file ends inside quotes";
  if (words == YAML::ErrorMsg::MAP_VALUE) return "`:` is not expected here";
  return words;
}

/// An error of yaml-cpp in line `line` (from 0).
Problem parser_problem(int line, std::string_view text, const YAML::Exception& e) {
  const size_t indent = text.find_first_not_of(" \t");
  const size_t tab = text.find('\t');
  if (tab < indent) {  // yaml-cpp stumbles over it later, in other words
    return {{line + 1, static_cast<int>(tab) + 1}, 1, "tabs cannot indent, use spaces", ""};
  }
  return {{line + 1, character_column(text, e.mark.column)}, 1, parser_words(e.msg), ""};
}

/// Offset of the first byte that may not be in the file, or npos.
size_t first_bad_byte(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') return i;
    if (c == 0x7f) return i;
    if (c < 0x80) {
      ++i;
      continue;
    }
    const size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    const std::string_view piece = text.substr(i, length);
    if (to_valid_utf8(piece) != piece) return i;
    i += length;
  }
  return std::string_view::npos;
}

/// Bytes of the file that no YAML of ours holds: said with their place.
Status check_bytes(const std::string& file, std::string_view text) {
  const size_t bad = first_bad_byte(text);
  if (bad == std::string_view::npos) return {};
  const std::string_view before = text.substr(0, bad);
  const int line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const int column = character_column(text.substr(start), static_cast<int>(bad - start));
  const auto byte = static_cast<unsigned char>(text[bad]);
  return fail(
      Error(ErrorKind::kBadInput, fmt::format("{} is not text: byte 0x{:02x} is {}", file, byte,
                                              byte < 0x80 ? "a control character" : "not UTF-8"))
          .at(Position{file, line, column}));
}

Status check_lines(const std::string& file, const std::vector<std::string>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].size() <= kMaxLine) continue;
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("the line is too long: {} bytes, at most {} are read",
                                  lines[i].size(), kMaxLine))
                    .at(Position{file, static_cast<int>(i) + 1, 1}));
  }
  return {};
}

}  // namespace

Result<Document> parse(std::string file, std::string folder, std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorKind::kBadInput,
                fmt::format("{} is too long: more than {} bytes", file, kMaxBytes));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  KILN_TRY(check_bytes(file, text));
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  KILN_TRY(check_lines(file, lines));
  TreeBuilder builder(lines);
  std::optional<Problem> problem;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder second(lines);
    if (!builder.problem() && parser.HandleNextDocument(second)) {
      problem = Problem{{1, 1}, 1, "the file holds more than one document", "remove the `---`"};
    }
  } catch (const YAML::Exception& e) {
    problem = builder.unclosed(e.msg);
    if (!problem) {
      const int line = std::max(0, e.mark.line);
      const std::string_view at =
          static_cast<size_t>(line) < lines.size() ? std::string_view(lines[line]) : "";
      problem = parser_problem(line, at, e);
    }
  } catch (const std::exception& e) {
    return fail(ErrorKind::kBadInput, fmt::format("{} cannot be parsed: {}", file, e.what()));
  }
  if (builder.problem()) problem = builder.problem();
  Document document(std::move(file), std::move(folder), std::move(lines), builder.take_root());
  if (!problem) return document;
  return fail(document.error_at(problem->place.line, problem->place.column, problem->span,
                                problem->message, problem->hint));
}

}  // namespace kiln::conf
