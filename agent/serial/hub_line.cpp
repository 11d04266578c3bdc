/// A line as its users see it.
#include <fmt/format.h>

#include "agent/power/driver.h"
#include "agent/serial/hub_state.h"

namespace kiln::agent {
namespace {

constexpr size_t kMaxOutgoing = 64 << 10;

HubLine::State& state_of(const std::shared_ptr<void>& line) {
  return *static_cast<HubLine::State*>(line.get());
}

}  // namespace

HubLine::~HubLine() {
  hub_.remove(state_);
}

bool HubLine::up() const {
  const std::lock_guard lock(state_->mutex);
  return state_->at == State::At::kUp;
}

std::string HubLine::trouble() const {
  const std::lock_guard lock(state_->mutex);
  return state_->at == State::At::kUp ? "" : state_->trouble;
}

uint64_t HubLine::count() const {
  return state_->count;
}

Result<LineWriter> HubLine::take_writer(const std::string& who) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->writer.empty())
    return fail(ErrorKind::kConflict,
                fmt::format("{} is being written to by {}", state_->port->name(), state_->writer));
  state_->writer = who.empty() ? "somebody" : who;
  return LineWriter(std::shared_ptr<void>(state_));
}

LineWriter::~LineWriter() {
  if (!line_) return;
  HubLine::State& state = state_of(line_);
  const std::lock_guard lock(state.mutex);
  state.writer.clear();
}

Status LineWriter::send(std::string_view bytes) {
  HubLine::State& state = state_of(line_);
  {
    const std::lock_guard lock(state.mutex);
    if (state.at != HubLine::State::At::kUp)
      return fail(ErrorKind::kInfrastructure, "the console is down: " + state.trouble);
    if (state.outgoing.size() + bytes.size() > kMaxOutgoing)
      return fail(ErrorKind::kNoSpace, state.port->name() + " does not take what is sent to it");
    state.outgoing += state.port->encode(bytes);
  }
  state.hub->wake();
  return {};
}

Status LineWriter::sysrq(char letter) {
  HubLine::State& state = state_of(line_);
  constexpr Millis kBreak{300};  // longer than a character at any speed
  for (const bool on : {true, false}) {
    {
      const std::lock_guard lock(state.mutex);
      if (state.at != HubLine::State::At::kUp)
        return fail(ErrorKind::kInfrastructure, "the console is down: " + state.trouble);
      KILN_ASSIGN(const std::string bytes, state.port->line_break(on));
      state.outgoing += bytes;
      if (!on) state.outgoing += state.port->encode(std::string(1, letter));
    }
    state.hub->wake();
    if (on) (void)real_pause(kBreak, {});
  }
  return {};
}

}  // namespace kiln::agent
