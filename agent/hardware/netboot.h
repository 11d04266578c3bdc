#pragma once
/// Booting from the network, once: what a machine's iPXE is told or its UEFI firmware gets, and the
/// small server for both. A machine has a port of its own; whatever is not armed is sent on to the
/// machine's disk.
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/hardware/one_shot.h"
#include "lib/base/clock.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// What is served for one boot.
struct NetbootOrder {
  os::Path kernel{};
  uint64_t kernel_size = 0;
  os::Path initrd{};  ///< "" = none
  uint64_t initrd_size = 0;
  std::string cmdline{};
  std::string token{};            ///< nobody can guess it: stands in the files' addresses
  std::set<std::string> hosts{};  ///< addresses that are served; all others are sent to the disk
  /// The same as one program, for firmware that fetches one by itself; or none.
  std::shared_ptr<const std::string> image{};
};

/// Which boot is the built kernel's. Pure: time comes in. Nothing of it is kept on disk, so that
/// an agent that starts again has nothing armed.
class NetbootTable {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  struct Asked {
    std::string method{};  ///< only GET takes a file
    std::string path{};
    std::string host{};  ///< an address
  };
  struct Reply {
    int status = 200;
    std::string text{};
    os::Path file{};  ///< instead of a text
    uint64_t size = 0;
    std::shared_ptr<const std::string> bytes{};  ///< likewise
  };
  explicit NetbootTable(std::string machine) : machine_(std::move(machine)) {}

  void arm(NetbootOrder order, Steady until);
  void disarm() { order_.reset(); }
  [[nodiscard]] bool armed(Steady now) const { return order_ && !kernel_taken_ && now < until_; }
  /// Each file is given once; with the kernel's first byte, or the image's, all that is asked for
  /// at first is "go on to the disk" again.
  Reply answer(const Asked& asked, WallTime wall, Steady now);

 private:
  Reply script(const Asked& asked, Steady now);
  Reply image(const Asked& asked, Steady now);
  bool may_have(const Asked& asked, Steady now);
  [[nodiscard]] std::string status(Steady now) const;

  std::string machine_;
  std::optional<NetbootOrder> order_;
  Steady until_{};
  bool kernel_taken_ = false;
  bool initrd_taken_ = false;
  std::string asked_ = "never";
  std::string refused_ = "nobody";
};

/// For an order that holds; its files are named relative to the script.
std::string netboot_script(const NetbootOrder& order);
/// Ends iPXE with an error: firmware goes on to the next boot device. (After success UEFI would
/// show its menu.)
std::string netboot_to_disk();

/// "127.0.0.1:40312", "[::ffff:10.0.0.7]:9": the address alone, IPv4 as such.
std::string host_of_peer(const std::string& peer);
/// "10.0.0.2:8070", "[fd00::2]:8070": where the machine's server listens.
std::string netboot_address(const machine::BootSpec& boot);

/// systemd's stub where Debian puts it, for firmware of that width.
std::string installed_stub(int bits);

/// The boot driver `network` with its server. A port that is taken is no error yet: arm() tries it
/// again, and says so.
std::unique_ptr<OneShot> make_network_boot(const machine::MachineSpec& machine, const Clock& clock);

}  // namespace kiln::agent
