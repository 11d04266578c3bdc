#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "lib/base/text.h"
#include "lib/igt/bounded.h"
#include "lib/igt/kmsg.h"
#include "lib/igt/name.h"
#include "lib/igt/reason.h"
#include "lib/igt/results.h"

namespace kiln::igt {
namespace {

/// Takes results.json as a stream of events, so that a cut file still gives the tests before the
/// cut and nothing but the tests' own texts is held in memory.
class Handler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Handler(const Limits& limits) : limits_(limits), budget_{limits.total_bytes} {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return number(value); }
  bool binary(binary_t&) override { return true; }

  bool string(string_t& value) override {
    if (path_is("uname")) results_.uname = to_valid_utf8(value.substr(0, 256));
    if (keys_.size() == 3 && keys_[0] == "tests" && current_) take_text(value);
    return true;
  }

  bool start_object(size_t) override {
    if (++depth_ > kMaxDepth) return false;
    keys_.emplace_back();
    if (keys_.size() == 3 && keys_[0] == "tests") begin_test(keys_[1]);
    return true;
  }
  bool key(string_t& name) override {
    if (!keys_.empty()) keys_.back() = name.substr(0, 600);
    return true;
  }
  bool end_object() override {
    if (keys_.size() == 3 && keys_[0] == "tests") end_test();
    if (!keys_.empty()) keys_.pop_back();
    --depth_;
    return true;
  }
  // An array counts as one level that has no key.
  bool start_array(size_t) override {
    keys_.emplace_back();
    return ++depth_ <= kMaxDepth;
  }
  bool end_array() override {
    if (!keys_.empty()) keys_.pop_back();
    --depth_;
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    note(fmt::format("results.json is cut or broken at byte {}", position));
    broken_ = true;
    return false;
  }

  Results take() {
    results_.from_json = !broken_ && saw_tests_;
    if (!saw_tests_) note("results.json holds no tests");
    if (version_ != 10)
      note(version_ < 0 ? "results.json does not say its version"
                        : fmt::format("results.json is of version {}, known is 10", version_));
    return std::move(results_);
  }

  void set_broken() {
    if (broken_) return;
    note("results.json is nested too deep");
    broken_ = true;
  }

 private:
  static constexpr int kMaxDepth = 64;

  void note(std::string text) { results_.notes.push_back(std::move(text)); }

  [[nodiscard]] bool path_is(std::string_view key) const {
    return keys_.size() == 1 && keys_[0] == key;
  }

  bool number(double value) {
    if (path_is("results_version") && value >= 0 && value < 1e6) version_ = static_cast<int>(value);
    if (path_is("time_elapsed")) results_.ended = true;
    if (keys_.size() == 2 && keys_[0] == "time_elapsed" && keys_[1] == "end") results_.ended = true;
    if (keys_.size() == 4 && keys_[0] == "tests" && keys_[2] == "time" && current_) {
      if (keys_[3] == "end" && value >= 0 && value < 1e9) current_->seconds = value;
    }
    return true;
  }

  void begin_test(const std::string& name) {
    saw_tests_ = true;
    current_.reset();
    if (results_.tests.size() >= limits_.max_tests) {
      if (!std::exchange(too_many_, true))
        note(fmt::format("results.json holds more than {} tests; the rest is left out",
                         limits_.max_tests));
      return;
    }
    current_ = TestResult{};
    current_->test = to_valid_utf8(name.substr(0, 512));
  }

  void take_text(const std::string& value) {
    const std::string& key = keys_[2];
    const auto bounded = [&] {
      BoundedText text(limits_.text_bytes);
      text.append(value, &budget_);
      return text.str();
    };
    if (key == "result") current_->outcome = to_valid_utf8(value.substr(0, 32));
    if (key == "out") current_->out = bounded();
    if (key == "err") current_->err = bounded();
    if (key == "dmesg") {
      current_->dmesg = bounded();
      current_->kernel_words = kernel_words(value, limits_.words_bytes);
    }
    if (key == "igt-version" && results_.igt_version.empty())
      results_.igt_version = to_valid_utf8(value.substr(0, 256));
  }

  void end_test() {
    if (!current_) return;
    TestResult test = std::move(*current_);
    current_.reset();
    if (test.test == "igt@runner@aborted") {
      results_.aborted = to_valid_utf8(trim(test.out));
      return;
    }
    if (test.outcome.empty()) {
      note(fmt::format("{} has no result in results.json", test.test));
      test.outcome = "incomplete";
    }
    test.outcome = with_kernel_words(test.outcome, !test.kernel_words.empty());
    test.reason = reason_of({test.outcome, test.out, test.err, test.kernel_words, ""});
    const auto [found, is_new] = index_.emplace(test.test, results_.tests.size());
    if (is_new) {
      results_.tests.push_back(std::move(test));
    } else {
      note(fmt::format("{} stands twice in results.json; the last one counts", test.test));
      results_.tests[found->second] = std::move(test);
    }
  }

  const Limits& limits_;
  Budget budget_;
  Results results_;
  std::vector<std::string> keys_;  ///< the key at each level of objects and arrays
  int depth_ = 0;
  int version_ = -1;
  bool broken_ = false;
  bool saw_tests_ = false;
  bool too_many_ = false;
  std::optional<TestResult> current_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace

Results parse_results_json(std::string_view text, const Limits& limits) {
  Handler handler(limits);
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &handler,
                                   nlohmann::json::input_format_t::json, true))
      handler.set_broken();
  } catch (const std::exception&) {
    handler.set_broken();
  }
  return handler.take();
}

}  // namespace kiln::igt
