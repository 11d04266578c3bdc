#include "agent/serial/machine_console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "agent/console/readable.h"

namespace kiln::agent {
namespace {

constexpr size_t kMaxHits = 500;
constexpr int kAttached = 0;  ///< the ear's number of attach()

/// What the run before said is often why there is a new one.
void keep_old(const os::Path& file) {
  std::error_code ignored;
  std::filesystem::rename(file, file.string() + ".1", ignored);
}

}  // namespace

Result<std::unique_ptr<MachineConsole>> MachineConsole::create(ConsoleHub& hub,
                                                               std::unique_ptr<SerialPort> port,
                                                               const os::Path& folder,
                                                               const Clock& clock,
                                                               ConsoleLimits limits) {
  KILN_TRY(os::make_dirs(folder));
  std::unique_ptr<MachineConsole> out(new MachineConsole(clock));
  MachineConsole* self = out.get();
  for (const char* name : {"console", "console.index", "console.txt"}) keep_old(folder / name);
  const os::Path text = folder / "console.txt";
  self->text_fd_ = ::open(text.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (self->text_fd_ < 0) return fail(os::errno_error("write", text, errno));
  self->text_room_ = limits.max_file_bytes;
  KILN_ASSIGN(self->log_,
              ConsoleLog::create(clock, folder / "console", limits,
                                 [self](const ConsoleLine& line) { self->write_readable(line); }));
  self->patterns_ = console_patterns();
  KILN_ASSIGN(self->watch_, PatternWatch::create(self->patterns_, [self](const PatternHit& found) {
                self->hit(found);
              }));
  LineEvents events;
  events.bytes = [self](std::string_view bytes) { self->heard(bytes); };
  events.quiet = [self] { self->watch_->quiet(); };
  events.changed = [self](bool up, const std::string& why) {
    self->log_->mark(up ? "the console stands" : "the console is down: " + why);
  };
  self->line_ = hub.add(std::move(port), std::move(events));
  return out;
}

MachineConsole::~MachineConsole() {
  line_.reset();
  if (text_fd_ >= 0) ::close(text_fd_);
}

void MachineConsole::heard(std::string_view bytes) {
  log_->append(bytes);
  watch_->feed(bytes);
  // Under the lock: who has stopped listening is not called any more.
  auto ears = ears_.lock();
  for (const auto& [number, ear] : ears->all) ear(bytes);
}

void MachineConsole::write_readable(const ConsoleLine& line) {
  const std::string text = fmt::format("{} {}\n", to_rfc3339(line.time), readable_line(line.text));
  if (text.size() > text_room_) return;
  text_room_ -= text.size();
  (void)!::write(text_fd_, text.data(), text.size());
}

void MachineConsole::hit(const PatternHit& found) {
  auto hits = hits_.lock();
  hits->kept.push_back(
      {++hits->last, clock_.now(), patterns_[found.pattern].name, readable_line(found.line)});
  if (hits->kept.size() > kMaxHits) hits->kept.pop_front();
}

std::vector<ConsoleHit> MachineConsole::hits_after(int64_t number) const {
  auto hits = hits_.lock();
  std::vector<ConsoleHit> out;
  for (const ConsoleHit& each : hits->kept)
    if (each.number > number) out.push_back(each);
  return out;
}

void MachineConsole::attach(std::function<void(std::string_view)> sink) {
  auto ears = ears_.lock();
  if (sink)
    ears->all[kAttached] = std::move(sink);
  else
    ears->all.erase(kAttached);
}

Status MachineConsole::write(std::string_view bytes) {
  KILN_ASSIGN(LineWriter writer, line_->take_writer("a person"));
  return writer.send(bytes);
}

int MachineConsole::listen(std::function<void(std::string_view)> ear) {
  auto ears = ears_.lock();
  ears->all[++ears->last] = std::move(ear);
  return ears->last;
}

void MachineConsole::stop_listening(int number) {
  ears_.lock()->all.erase(number);
}

}  // namespace kiln::agent
