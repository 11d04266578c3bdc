/// Machines that are not ready yet, and jobs that ask for tests which a machine does not hold.
#include <fmt/format.h>

#include "controller/scheduler/driver.h"
#include "lib/base/text.h"

namespace kiln::scheduler {
namespace {

/// "downloading packages 3/62" and "... 4/62" are told once.
std::string without_counts(std::string text) {
  std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '/'; });
  return text;
}

}  // namespace

/// Each step of a machine's preparation is a line for people, each count moves the machine's row in
/// the live view.
void RunDriver::tell_preparation(const v1::MachineInfo& machine) {
  if (machine.preparing().empty()) {
    if (preparing_told_.erase(machine.name()) > 0) publish("step", "ready", machine.name(), "done");
    return;
  }
  std::string& told = preparing_told_[machine.name()];
  if (const std::string step = without_counts(machine.preparing()); told != step) {
    told = step;
    publish("note", fmt::format("{} gets ready: {}", machine.name(), machine.preparing()));
  }
  publish("step", machine.preparing(), machine.name(), "preparing");
}

/// The first test of the run's lists that the machine does not hold, as the error to show; null
/// when it holds all, or when that is not known.
const Error* RunDriver::lack_of(const v1::MachineInfo& machine) {
  if (machine.test_names().empty() || !deps_.check_tests) return nullptr;
  const auto [entry, is_new] = lacks_.try_emplace(machine.test_names());
  if (is_new) {
    if (const Status known = deps_.check_tests(machine.test_names()); known) {
      // All are there.
    } else if (known.error().kind == ErrorKind::kBadInput) {
      entry->second = known.error();
    } else {
      // Names that cannot be read refuse nothing: a test that is not there is then a lost result.
      publish("note", fmt::format("the tests of {} are not checked before they run: {}",
                                  machine.name(), known.error().message));
    }
  }
  return entry->second ? &*entry->second : nullptr;
}

void RunDriver::refuse(const Error& error) {
  if (refusal_ || state_.stopping) return;
  refusal_ = error;
  infrastructure_error_ = render(error);
  begin_stopping();
}

/// Not the computer's failure: the job is to be mended, as when it were refused at the start.
void RunDriver::say_refused(v1::RunReport* report) const {
  if (!refusal_) return;
  v1::Verdict* verdict = report->mutable_verdict();
  verdict->set_result("refused");
  verdict->set_exit_code(2);
  verdict->set_headline(
      to_valid_utf8(fmt::format("The job is refused: {}; no test ran.", refusal_->message)));
  verdict->clear_reasons();
  verdict->add_reasons(to_valid_utf8(refusal_->message));
}

}  // namespace kiln::scheduler
