#pragma once
/// Many serial lines on one reading thread: bytes out to who listens, reconnects with back-off,
/// one writer at a time. A second thread opens lines, since looking a name up and starting a
/// program may block.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/serial/port.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::agent {

struct LineEvents {
  /// Each chunk, on the reading thread: must be quick.
  std::function<void(std::string_view)> bytes{};
  /// Nothing came for about 200 ms after something did: an unfinished line may be a prompt.
  std::function<void()> quiet{};
  /// The line stands, or broke and why.
  std::function<void(bool up, const std::string& why)> changed{};
};

struct HubTimes {
  Millis first_retry{250};
  Millis longest_retry{30'000};  ///< the wait doubles up to this
  Millis connect{10'000};        ///< for a connection to stand
  Millis quiet{200};
  Millis steady{5'000};  ///< up for so long: the next break is retried at once again
};

class ConsoleHub;

/// The right to write to a line; given back by its destruction.
class LineWriter {
 public:
  LineWriter(LineWriter&& other) noexcept : line_(std::exchange(other.line_, nullptr)) {}
  LineWriter& operator=(LineWriter&&) = delete;
  ~LineWriter();
  /// Queues the bytes. kInfrastructure when the line is down, kNoSpace when it does not take them.
  Status send(std::string_view bytes);
  /// BREAK, then a letter: the kernel's sysrq on a serial console.
  Status sysrq(char letter);

 private:
  friend class HubLine;
  explicit LineWriter(std::shared_ptr<void> line) : line_(std::move(line)) {}
  std::shared_ptr<void> line_;
};

/// One line of a hub; ends with the object, which waits until no event is being told any more.
/// Safe for concurrent use, but not to be destroyed from within an event.
class HubLine {
 public:
  ~HubLine();
  HubLine(const HubLine&) = delete;
  HubLine& operator=(const HubLine&) = delete;
  [[nodiscard]] bool up() const;
  /// Why it is down, "" while it stands.
  [[nodiscard]] std::string trouble() const;
  /// Bytes of the console that ever came.
  [[nodiscard]] uint64_t count() const;
  /// kConflict with the other's name while somebody else writes.
  Result<LineWriter> take_writer(const std::string& who);

  struct State;

 private:
  friend class ConsoleHub;
  HubLine(ConsoleHub& hub, std::shared_ptr<State> state) : hub_(hub), state_(std::move(state)) {}
  ConsoleHub& hub_;
  std::shared_ptr<State> state_;
};

/// Owns its two threads. Lines end before it. Safe for concurrent use.
class ConsoleHub {
 public:
  explicit ConsoleHub(HubTimes times = {});
  ~ConsoleHub();
  ConsoleHub(const ConsoleHub&) = delete;
  ConsoleHub& operator=(const ConsoleHub&) = delete;
  std::unique_ptr<HubLine> add(std::unique_ptr<SerialPort> port, LineEvents events);

 private:
  friend class HubLine;
  friend class LineWriter;
  using State = HubLine::State;
  using Steady = std::chrono::steady_clock;
  void read_loop();
  void open_loop();
  void open_line(State& line);
  void remove(const std::shared_ptr<State>& line);
  void wake();
  int wait_time(const std::vector<std::shared_ptr<State>>& lines) const;
  void look_at(State& line, short events, std::string& buffer);
  void look_at_clock(State& line);
  void read_from(State& line, std::string& buffer);
  void write_to(State& line);
  void came_up(State& line);
  void broke(State& line, const std::string& why);

  HubTimes times_;
  int wake_fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<State>> lines_;  ///< guarded by mutex_
  std::list<std::shared_ptr<State>> to_open_;  ///< guarded by mutex_
  bool ending_ = false;                        ///< guarded by mutex_
  std::thread reader_;
  std::thread opener_;
};

}  // namespace kiln::agent
