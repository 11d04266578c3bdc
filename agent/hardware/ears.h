#pragma once
/// What is heard of a machine: its serial line, and netconsole as a second ear. The session hears
/// the serial line, and netconsole while there is none or it is down: never both, for each word
/// would be there twice. Safe for concurrent use.
#include <functional>
#include <memory>
#include <string>

#include "agent/serial/machine_console.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

class Ears {
 public:
  /// In `folder`: console and netconsole, each with the files of a MachineConsole. `hub` and
  /// `clock` outlive it.
  static Result<std::unique_ptr<Ears>> create(ConsoleHub& hub, const machine::MachineSpec& spec,
                                              const os::Path& folder, const Clock& clock);
  ~Ears();

  [[nodiscard]] bool any() const { return serial_ != nullptr || net_ != nullptr; }
  /// Whether there is a line that a BREAK can be sent on.
  [[nodiscard]] bool writes() const { return serial_ != nullptr; }
  /// Whether the serial line stands: what a machine says while it boots or dies is heard.
  [[nodiscard]] bool up() const { return serial_ && serial_->up(); }
  /// Bytes that ever came.
  [[nodiscard]] uint64_t count() const;
  /// kInfrastructure without a serial line; kConflict while somebody writes.
  Result<LineWriter> take_writer(const std::string& who);

  /// A place in what was heard, by hits.
  struct Mark {
    int64_t serial = 0;
    int64_t net = 0;
  };
  [[nodiscard]] Mark mark() const;
  [[nodiscard]] bool heard_since(const Mark& mark,
                                 const std::function<bool(const ConsoleHit&)>& what) const;
  /// Kernels that said who they are; both ears hear the same ones.
  [[nodiscard]] int kernels_since(const Mark& mark) const;

  /// Where a session's words go from now on; an empty function ends it.
  void attach(std::function<void(std::string_view)> sink);
  /// Keeps them back until open(): an old system is going down.
  void hold();
  /// The sink gets what came behind the old system's last words.
  void open();

  /// What netconsole said since the last forget(), beside a serial line; bounded.
  [[nodiscard]] std::string net_words() const;
  void forget();

 private:
  struct Gate {
    std::function<void(std::string_view)> sink{};
    bool open = false;
    std::string held{};
  };
  Ears() = default;
  void heard(std::string_view bytes);
  void heard_by_net(std::string_view bytes);

  Sync<Gate> gate_;
  mutable Sync<std::string> net_words_;
  std::unique_ptr<MachineConsole> serial_;  ///< null: none; ends first, as net_
  std::unique_ptr<MachineConsole> net_;
};

}  // namespace kiln::agent
