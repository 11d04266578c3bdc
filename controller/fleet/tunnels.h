#pragma once
/// Bytes between people and machines, while both ends are open. In memory only: a controller that
/// is started again has none.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"

namespace kiln::fleet {

/// One of them: what either side has sent and the other has not taken yet, bounded. Safe for
/// concurrent use: each side reads with one thread and writes with another.
class Tunnel {
 public:
  static constexpr size_t kMostWaiting = 512 << 10;

  Tunnel(std::string id, std::string user, std::string machine, bool of_holder)
      : id_(std::move(id)),
        user_(std::move(user)),
        machine_(std::move(machine)),
        of_holder_(of_holder) {}

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& machine() const { return machine_; }
  /// It ends with the user's hold; a console is for all to read, and who types is looked at then.
  [[nodiscard]] bool of_holder() const { return of_holder_; }

  // The person's side.
  /// The machine's host key ("" of a console), once the agent's end is open. kTimeout,
  /// kInfrastructure with what the agent says.
  Result<std::string> wait_open(Millis wait);
  /// "" = nothing came within `wait`. kInfrastructure: the machine's side has ended, and why.
  Result<std::string> take(Millis wait);
  /// kTimeout while the machine takes nothing, kInfrastructure when its side has ended.
  Status give(std::string_view bytes, Millis wait);
  void leave();

  // The agent's side.
  /// kConflict: it has come before.
  Status open(const std::string& host_key);
  /// Waits while the person reads slowly; false: nobody is there any more.
  bool put(std::string_view bytes);
  /// "" = nothing within `wait`, nullopt = nobody is there any more.
  std::optional<std::string> next(Millis wait);
  void end(const std::string& why);

 private:
  struct State {
    std::string to_person, to_machine;
    std::string host_key;
    std::string why;
    bool opened = false;
    bool left = false;
    bool ended = false;
  };
  const std::string id_, user_, machine_;
  const bool of_holder_;
  Sync<State> state_;
};

/// All of them, by their secret ids. Safe for concurrent use.
class Tunnels {
 public:
  static constexpr size_t kMost = 64;
  static constexpr size_t kMostOfUser = 8;

  /// kConflict: too many are open.
  Result<std::shared_ptr<Tunnel>> make(const std::string& user, const std::string& machine,
                                       bool of_holder);
  /// kNotFound.
  Result<std::shared_ptr<Tunnel>> find(const std::string& id);
  /// Its person has gone, or may not stay.
  void forget(const Tunnel& tunnel);
  /// All to that machine end: it is no longer that person's.
  void end_of(const std::string& machine, const std::string& why);

 private:
  Sync<std::map<std::string, std::shared_ptr<Tunnel>>> all_;
};

}  // namespace kiln::fleet
