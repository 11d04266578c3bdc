#include "lib/igt/kmsg.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "lib/base/number.h"
#include "lib/igt/name.h"

namespace kiln::igt {
namespace {

constexpr int kWarning = 4;
constexpr size_t kWordsBytes = 16 << 10;
constexpr size_t kMaxRecordBytes = 16 << 10;

/// Messages that IGT's own tests provoke or that machines print in health.
const RE2& harmless() {
  static const RE2 pattern(
      R"(ACPI: button: The lid device is not compliant to SW_LID|ACPI: .*: Unable to dock!)"
      R"(|IRQ \d+: no longer affine to CPU\d+|IRQ fixup: irq \d+ move in progress, old vector \d+)"
      R"(|Setting dangerous option [a-z_]+ - tainting kernel|Suspending console\(s\) \(use no_console)"
      R"(|atkbd serio\d+: Failed to (deactivate|enable) keyboard on isa\d+/serio\d+)"
      R"(|cache: parent cpu\d+ should not be sleeping|hpet\d+: lost \d+ rtc interrupts)"
      R"(|i915: probe of [0-9a-fA-F:.]+ failed with error -25)"
      R"(|mock: DMA: Out of SW-IOMMU space for \d+ bytes)"
      R"(|usb usb\d+: root hub lost power or was reset)");
  return pattern;
}

/// Level, time and text of one record.
struct Record {
  unsigned level = 0;
  unsigned long long micros = 0;
  bool continued = false;
  std::string_view text;
};

bool take_comma(std::string_view& text) {
  if (text.empty() || text.front() != ',') return false;
  text.remove_prefix(1);
  return true;
}

/// `4,812,12345678,-;text`, with further fields allowed before the `;`.
std::optional<Record> parse_record(std::string_view line) {
  Record record;
  const auto flags = take_number(line);
  if (!flags || !take_comma(line)) return std::nullopt;
  if (!take_number(line) || !take_comma(line)) return std::nullopt;
  const auto micros = take_number(line);
  if (!micros || !take_comma(line) || line.empty()) return std::nullopt;
  const size_t end = line.find(';');
  if (end == std::string_view::npos) return std::nullopt;
  record.level = static_cast<unsigned>(*flags & 7);
  record.micros = *micros;
  record.continued = line.front() == 'c';
  record.text = line.substr(end + 1);
  return record;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// \x0a and other escapes of printable bytes as the bytes themselves.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (i + 3 < text.size() && text[i] == '\\' && text[i + 1] == 'x') {
      const int high = hex_digit(text[i + 2]);
      const int low = hex_digit(text[i + 3]);
      const int byte = high * 16 + low;
      if (high >= 0 && low >= 0 && (std::isprint(byte) || std::isspace(byte))) {
        out.push_back(static_cast<char>(byte));
        i += 3;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

std::string format_record(const Record& record) {
  return fmt::format("<{}> [{}.{:06}] {}\n", record.level, record.micros / 1000000,
                     record.micros % 1000000, unescape(record.text.substr(0, kMaxRecordBytes)));
}

bool is_word(unsigned level, std::string_view text) {
  if (level > kWarning || text.starts_with("[IGT]")) return false;
  return !RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), harmless());
}

/// The name behind `mark` in a line that IGT wrote, lower case; nullopt when it is not there.
std::optional<std::string> name_behind(std::string_view text, std::string_view mark) {
  if (text.find("[IGT] ") == std::string_view::npos) return std::nullopt;
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view name = text.substr(at + mark.size(), kMaxNamePart);
  name = name.substr(0, name.find_first_of(" \t\r"));
  return as_reported(name);
}

/// Walks dmesg.txt.
class Reader {
 public:
  Reader(size_t text_bytes, size_t max_tests, Budget& budget)
      : text_bytes_(text_bytes), max_tests_(max_tests), budget_(&budget) {
    log_.unmarked = make_text();
  }

  void take(std::string_view line) {
    if (line.empty() || line.front() == ' ') return;  // key=value pairs of the record before
    const auto record = parse_record(line);
    if (!record) {
      ++log_.bad_lines;
      return;
    }
    follow_marks(record->text);
    const std::string text = format_record(*record);
    const bool word =
        is_word(record->level, record->text) && !record->continued &&
        !(ignored_ &&
          RE2::PartialMatch(re2::StringPiece(record->text.data(), record->text.size()), *ignored_));
    const auto add = [&](KernelText& to) {
      to.all.append(text, budget_);
      if (word) to.words.append(text, budget_);
    };
    add(subtest_ ? *subtest_ : log_.unmarked);
    if (dynamic_) add(*dynamic_);
  }

  KernelLog result() { return std::move(log_); }

 private:
  [[nodiscard]] KernelText make_text() const {
    return KernelText{BoundedText(text_bytes_), BoundedText(kWordsBytes)};
  }

  KernelText* text_of(const std::string& subtest, const std::string& dynamic) {
    if (log_.of_test.size() >= max_tests_) return nullptr;
    return &log_.of_test.try_emplace(std::pair(subtest, dynamic), make_text()).first->second;
  }

  void follow_marks(std::string_view text) {
    if (const auto name = name_behind(text, ": starting dynamic subtest ")) {
      if (subtest_) dynamic_ = text_of(subtest_name_, *name);
      ignored_.reset();
    } else if (const auto subtest = name_behind(text, ": starting subtest ")) {
      subtest_name_ = *subtest;
      KernelText* const next = text_of(*subtest, "");
      if (!subtest_ && next) *next = std::exchange(log_.unmarked, make_text());
      if (next) subtest_ = next;
      dynamic_ = nullptr;
      ignored_.reset();
    } else if (text.find("[IGT] ") != text.npos && text.find(": finished ") != text.npos) {
      dynamic_ = nullptr;
    } else {
      follow_ignore(text);
    }
  }

  /// A test may announce which of the kernel's words are expected.
  void follow_ignore(std::string_view text) {
    constexpr std::string_view kMark = "add ignored dmesg regex: ";
    const size_t at = text.find(kMark);
    if (at == std::string_view::npos || text.find("[IGT]") == std::string_view::npos) return;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    const std::string_view pattern = text.substr(at + kMark.size(), 1024);
    auto compiled =
        std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (compiled->ok()) ignored_ = std::move(compiled);
  }

  size_t text_bytes_;
  size_t max_tests_;
  Budget* budget_;
  KernelLog log_;
  std::string subtest_name_;
  KernelText* subtest_ = nullptr;
  KernelText* dynamic_ = nullptr;
  std::unique_ptr<RE2> ignored_;
};

}  // namespace

KernelLog read_kmsg(std::string_view dmesg_txt, size_t text_bytes, size_t max_tests,
                    Budget& budget) {
  Reader reader(text_bytes, max_tests, budget);
  size_t begin = 0;
  while (begin < dmesg_txt.size()) {
    const size_t end = std::min(dmesg_txt.find('\n', begin), dmesg_txt.size());
    reader.take(dmesg_txt.substr(begin, end - begin));
    begin = end + 1;
  }
  return reader.result();
}

std::string kernel_words(std::string_view formatted, size_t max_bytes) {
  BoundedText words(max_bytes);
  bool in_word = false;
  size_t begin = 0;
  while (begin < formatted.size()) {
    const size_t end = std::min(formatted.find('\n', begin), formatted.size());
    const std::string_view line = formatted.substr(begin, end - begin);
    begin = end + 1;
    const bool has_level =
        line.size() > 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
    if (has_level) {
      const size_t stamp = line.find("] ");
      const std::string_view text =
          stamp == std::string_view::npos ? line.substr(3) : line.substr(stamp + 2);
      in_word = is_word(static_cast<unsigned>(line[1] - '0'), text);
    }
    // A line without a level goes on with the record before it.
    if (in_word && !line.empty()) words.append(std::string(line) + "\n");
  }
  return words.str();
}

std::string with_kernel_words(std::string_view outcome, bool has_words) {
  if (has_words && (outcome == "pass" || outcome == "warn")) return "dmesg-warn";
  if (has_words && outcome == "fail") return "dmesg-fail";
  return std::string(outcome);
}

}  // namespace kiln::igt
