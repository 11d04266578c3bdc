#include "lib/igt/collector.h"

#include <fmt/format.h>

#include <csignal>

#include "lib/igt/name.h"

namespace kiln::igt {

std::string_view outcome_of_word(std::string_view word) {
  if (word == "SUCCESS") return "pass";
  if (word == "SKIP") return "skip";
  if (word == "FAIL") return "fail";
  if (word == "CRASH") return "crash";
  if (word == "TIMEOUT") return "timeout";
  return "incomplete";
}

std::string_view outcome_of_exit(int code) {
  switch (code) {
    case 0:
      return "pass";
    case 77:  // the test's own skip
    case 79:  // no such subtest
      return "skip";
    case 112:
      return "abort";
    case -SIGHUP:
      return "notrun";
    default:
      return "fail";
  }
}

size_t Collector::add(std::string_view subtest, std::string_view dynamic) {
  subtest = subtest.substr(0, kMaxNamePart);
  dynamic = dynamic.substr(0, kMaxNamePart);
  const std::string key = std::string(subtest) + '\0' + std::string(dynamic);
  const auto found = by_name_.find(key);
  if (found != by_name_.end()) return found->second;
  if (told_.size() >= max_tests_) {
    too_many_ = true;
    return kNone;
  }
  Told told;
  told.subtest = std::string(subtest);
  told.dynamic = std::string(dynamic);
  told.out = BoundedText(text_bytes_);
  told.err = BoundedText(text_bytes_);
  told_.push_back(std::move(told));
  by_name_.emplace(key, told_.size() - 1);
  return told_.size() - 1;
}

void Collector::mark(size_t index, const std::string& line) {
  if (Told* told = at(index)) {
    told->out.append(line, budget_);
    told->err.append(line, budget_);
  }
}

void Collector::take_pending(size_t index) {
  Told* told = at(index);
  if (!told) return;
  told->out.append(pending_out_.str(), budget_);
  told->err.append(pending_err_.str(), budget_);
  told->err_text |= pending_err_text_;
  pending_out_ = BoundedText(16 << 10);
  pending_err_ = BoundedText(16 << 10);
  pending_err_text_ = false;
}

void Collector::executed() {
  // A run that was resumed executes the binary once more; what ran before stays as it was told.
  subtest_ = dynamic_ = kNone;
  subtest_open_ = dynamic_open_ = false;
  exited_ = told_since_exec_ = false;
  override_.clear();
}

void Collector::log(bool is_err, std::string_view text) {
  const auto append_to = [&](Told& told, bool open) {
    (is_err ? told.err : told.out).append(text, budget_);
    told.err_text |= is_err && open && !text.empty();
  };
  if (Told* told = at(dynamic_); told && dynamic_open_) append_to(*told, true);
  if (Told* told = at(subtest_)) append_to(*told, subtest_open_);
  if (subtest_open_) return;
  (is_err ? pending_err_ : pending_out_).append(text);
  pending_err_text_ |= is_err && !text.empty();
}

void Collector::subtest_started(std::string_view name) {
  told_since_exec_ = true;
  subtest_ = add(name, "");
  dynamic_ = kNone;
  dynamic_open_ = false;
  subtest_open_ = true;
  take_pending(subtest_);
  mark(subtest_, fmt::format("Starting subtest: {}\n", name.substr(0, kMaxNamePart)));
}

void Collector::end(size_t index, std::string_view word, double seconds, std::string_view reason) {
  Told* told = at(index);
  if (!told) return;
  told->seconds = seconds;
  if (!reason.empty()) told->reason = std::string(reason.substr(0, 4096));
  // An outcome that igt_runner set before stands.
  if (told->outcome.empty()) told->outcome = std::string(outcome_of_word(word));
}

void Collector::subtest_ended(std::string_view name, std::string_view word, double seconds,
                              std::string_view reason) {
  told_since_exec_ = true;
  const size_t index = add(name, "");
  if (index != subtest_ || !subtest_open_) {
    // Ended without a start: a fixture skipped or failed it.
    if (pending_out_.empty() && pending_err_.empty()) {
      if (Told* told = at(index)) {
        told->out.append(fixture_out_.str(), budget_);
        told->err.append(fixture_err_.str(), budget_);
      }
    } else {
      fixture_out_ = pending_out_;
      fixture_err_ = pending_err_;
      take_pending(index);
    }
    subtest_ = index;
  }
  mark(index, fmt::format("Subtest {}: {} ({:.3f}s)\n", name.substr(0, kMaxNamePart),
                          word.substr(0, 64), seconds));
  end(index, word, seconds, reason);
  subtest_open_ = dynamic_open_ = false;
}

void Collector::dynamic_started(std::string_view name) {
  const Told* parent = at(subtest_);
  if (!parent || !subtest_open_) return;
  dynamic_ = add(std::string(parent->subtest), name);
  dynamic_open_ = true;
  const std::string line =
      fmt::format("Starting dynamic subtest: {}\n", name.substr(0, kMaxNamePart));
  mark(subtest_, line);
  mark(dynamic_, line);
}

void Collector::dynamic_ended(std::string_view name, std::string_view word, double seconds,
                              std::string_view reason) {
  const Told* parent = at(subtest_);
  if (!parent || !subtest_open_) return;
  const size_t index = add(std::string(parent->subtest), name);
  dynamic_ = index;
  const std::string line = fmt::format("Dynamic subtest {}: {} ({:.3f}s)\n",
                                       name.substr(0, kMaxNamePart), word.substr(0, 64), seconds);
  mark(subtest_, line);
  mark(index, line);
  end(index, word, seconds, reason);
  dynamic_open_ = false;
}

void Collector::overridden(std::string_view outcome) {
  override_ = std::string(outcome.substr(0, 64));
  if (Told* told = at(dynamic_)) told->outcome = override_;
  if (Told* told = at(subtest_)) told->outcome = override_;
}

void Collector::exited(int code, double seconds) {
  exited_ = true;
  if (!told_since_exec_) {
    const size_t index = add(requested_, "");
    take_pending(index);
    if (Told* told = at(index)) {
      if (told->outcome.empty())
        told->outcome = override_.empty() ? std::string(outcome_of_exit(code)) : override_;
      told->seconds = seconds;
    }
    subtest_ = index;
    return;
  }
  const std::string_view outcome = outcome_of_exit(code);
  if (outcome == "abort" || outcome == "notrun") {
    if (Told* told = at(subtest_)) told->outcome = std::string(outcome);
    if (Told* told = at(dynamic_)) told->outcome = std::string(outcome);
  }
  // A test that was ended from outside took the whole of its binary's time.
  if (Told* told = at(subtest_); told && subtest_open_ && told->seconds == 0)
    told->seconds = seconds;
}

std::vector<Told> Collector::take() {
  if (told_.empty()) {
    const size_t index = add(requested_, "");
    take_pending(index);
    if (Told* told = at(index)) told->outcome = override_;
  }
  std::unordered_map<std::string, std::string> of_subtest;
  for (Told& told : told_) {
    if (!told.dynamic.empty()) continue;
    if (told.outcome.empty()) told.outcome = "incomplete";
    of_subtest[told.subtest] = told.outcome;
  }
  for (Told& told : told_) {
    if (!told.outcome.empty()) continue;
    const std::string& parent = of_subtest[told.subtest];
    told.outcome =
        parent == "abort" || parent == "notrun" || parent == "timeout" ? parent : "incomplete";
  }
  return std::move(told_);
}

}  // namespace kiln::igt
