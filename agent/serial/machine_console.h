#pragma once
/// One machine's console: always read, also between sessions; kept raw, by lines and readable;
/// watched for words of trouble; heard by many, written to by one.
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/console/console_log.h"
#include "agent/console/patterns.h"
#include "agent/machine/machine.h"
#include "agent/serial/hub.h"

namespace kiln::agent {

/// A pattern that the console said.
struct ConsoleHit {
  int64_t number = 0;  ///< from 1
  WallTime time{};
  std::string pattern{};  ///< "panic"
  std::string line{};     ///< readable
};

/// In `folder`: console (raw bytes), console.index, console.txt (time and readable line); those of
/// the run before as *.1. Safe for concurrent use.
class MachineConsole final : public Console {
 public:
  /// `hub` and `clock` outlive it.
  static Result<std::unique_ptr<MachineConsole>> create(ConsoleHub& hub,
                                                        std::unique_ptr<SerialPort> port,
                                                        const os::Path& folder, const Clock& clock,
                                                        ConsoleLimits limits = {});
  ~MachineConsole() override;
  /// The one session's ear (Console); others listen().
  void attach(std::function<void(std::string_view)> sink) override;
  /// kConflict while somebody has taken the writer.
  Status write(std::string_view bytes) override;
  /// Gets each chunk until stop_listening() with the same number has returned.
  int listen(std::function<void(std::string_view)> ear);
  void stop_listening(int number);
  Result<LineWriter> take_writer(const std::string& who) { return line_->take_writer(who); }
  [[nodiscard]] bool up() const { return line_->up(); }
  [[nodiscard]] std::string trouble() const { return line_->trouble(); }
  [[nodiscard]] uint64_t count() const { return line_->count(); }
  [[nodiscard]] ConsoleLog& log() { return *log_; }
  /// What was said after that hit, oldest first; the last few hundred are kept.
  [[nodiscard]] std::vector<ConsoleHit> hits_after(int64_t number) const;

 private:
  MachineConsole(const Clock& clock) : clock_(clock) {}
  void heard(std::string_view bytes);
  void hit(const PatternHit& found);
  void write_readable(const ConsoleLine& line);

  struct Hits {
    std::deque<ConsoleHit> kept;
    int64_t last = 0;
  };
  struct Ears {
    std::map<int, std::function<void(std::string_view)>> all;
    int last = 0;
  };
  const Clock& clock_;
  int text_fd_ = -1;
  uint64_t text_room_ = 0;  ///< of the reading thread
  std::vector<Pattern> patterns_;
  std::unique_ptr<ConsoleLog> log_;
  std::unique_ptr<PatternWatch> watch_;
  mutable Sync<Hits> hits_;
  Sync<Ears> ears_;
  std::unique_ptr<HubLine> line_;  ///< last: ends first
};

}  // namespace kiln::agent
