#include "agent/hardware/ears.h"

#include <algorithm>

namespace kiln::agent {
namespace {

constexpr size_t kMostHeld = 1 << 20;

/// The newest words count.
void append_bounded(std::string& text, std::string_view bytes) {
  text.append(bytes);
  if (text.size() > kMostHeld) text.erase(0, text.size() - kMostHeld);
}

int64_t last_of(const MachineConsole* console) {
  if (console == nullptr) return 0;
  const auto hits = console->hits_after(0);
  return hits.empty() ? 0 : hits.back().number;
}

int kernels_of(const MachineConsole* console, int64_t after) {
  if (console == nullptr) return 0;
  const auto hits = console->hits_after(after);
  return static_cast<int>(std::count_if(
      hits.begin(), hits.end(), [](const ConsoleHit& hit) { return hit.pattern == "kernel"; }));
}

}  // namespace

Result<std::unique_ptr<Ears>> Ears::create(ConsoleHub& hub, const machine::MachineSpec& spec,
                                           const os::Path& folder, const Clock& clock) {
  std::unique_ptr<Ears> out(new Ears());
  Ears* self = out.get();
  if (auto port = make_port(spec.console)) {
    KILN_ASSIGN(out->serial_,
                MachineConsole::create(hub, std::move(port), folder / "console", clock));
    out->serial_->listen([self](std::string_view bytes) { self->heard(bytes); });
  }
  if (auto port = make_net_port(spec.netconsole)) {
    KILN_ASSIGN(out->net_,
                MachineConsole::create(hub, std::move(port), folder / "netconsole", clock));
    out->net_->listen([self](std::string_view bytes) { self->heard_by_net(bytes); });
  }
  return out;
}

Ears::~Ears() {
  net_.reset();
  serial_.reset();
}

uint64_t Ears::count() const {
  return (serial_ ? serial_->count() : 0) + (net_ ? net_->count() : 0);
}

Result<LineWriter> Ears::take_writer(const std::string& who) {
  if (!serial_)
    return fail(ErrorKind::kInfrastructure, "the machine has no console that takes words");
  return serial_->take_writer(who);
}

Ears::Mark Ears::mark() const {
  return {last_of(serial_.get()), last_of(net_.get())};
}

bool Ears::heard_since(const Mark& mark, const std::function<bool(const ConsoleHit&)>& what) const {
  const auto any_of = [&](const MachineConsole* console, int64_t after) {
    if (console == nullptr) return false;
    const auto hits = console->hits_after(after);
    return std::any_of(hits.begin(), hits.end(), what);
  };
  return any_of(serial_.get(), mark.serial) || any_of(net_.get(), mark.net);
}

int Ears::kernels_since(const Mark& mark) const {
  return std::max(kernels_of(serial_.get(), mark.serial), kernels_of(net_.get(), mark.net));
}

void Ears::attach(std::function<void(std::string_view)> sink) {
  auto gate = gate_.lock();
  gate->sink = std::move(sink);
  gate->open = true;
}

void Ears::heard(std::string_view bytes) {
  auto gate = gate_.lock();
  if (!gate->open)
    append_bounded(gate->held, bytes);
  else if (gate->sink)
    gate->sink(bytes);
}

void Ears::heard_by_net(std::string_view bytes) {
  if (!up()) return heard(bytes);
  append_bounded(*net_words_.lock(), bytes);
}

void Ears::hold() {
  auto gate = gate_.lock();
  gate->open = false;
  gate->held.clear();
}

void Ears::open() {
  auto gate = gate_.lock();
  gate->open = true;
  size_t from = 0;
  for (const char* words : {"reboot: Restarting system", "Starting new kernel"})
    if (const size_t at = gate->held.rfind(words); at != std::string::npos)
      from = std::max(from, std::min(gate->held.find('\n', at), gate->held.size() - 1) + 1);
  if (gate->sink && from < gate->held.size()) gate->sink(std::string_view(gate->held).substr(from));
  gate->held.clear();
}

std::string Ears::net_words() const {
  return *net_words_.lock();
}

void Ears::forget() {
  net_words_.lock()->clear();
}

}  // namespace kiln::agent
