#include "agent/hardware/netboot.h"

#include <fmt/format.h>

namespace kiln::agent {
namespace {

NetbootTable::Reply nothing() {
  return {404, "nothing is served here\n", {}, 0, {}};
}

}  // namespace

std::string netboot_to_disk() {
  return "#!ipxe\nexit 1\n";
}

std::string netboot_script(const NetbootOrder& order) {
  // UEFI's kernels find an initrd by its name, the BIOS's do not mind.
  const bool initrd = !order.initrd.empty();
  std::string out = fmt::format("#!ipxe\nkernel {}/kernel{} {} || exit 1\n", order.token,
                                initrd ? " initrd=initrd" : "", order.cmdline);
  if (initrd) out += fmt::format("initrd --name initrd {}/initrd || exit 1\n", order.token);
  return out + "boot || exit 1\n";
}

std::string host_of_peer(const std::string& peer) {
  std::string host = peer.substr(0, peer.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  constexpr std::string_view kMapped = "::ffff:";
  if (host.starts_with(kMapped) && host.find('.') != std::string::npos)
    host.erase(0, kMapped.size());
  return host;
}

std::string netboot_address(const machine::BootSpec& boot) {
  const bool v6 = boot.address.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", boot.address, v6 ? "]" : "", boot.port);
}

std::string installed_stub(int bits) {
  return fmt::format("/usr/lib/systemd/boot/efi/linux{}.efi.stub", bits == 32 ? "ia32" : "x64");
}

void NetbootTable::arm(NetbootOrder order, Steady until) {
  order_ = std::move(order);
  until_ = until;
  kernel_taken_ = false;
  initrd_taken_ = false;
}

NetbootTable::Reply NetbootTable::answer(const Asked& asked, WallTime wall, Steady now) {
  if (asked.path == "/" + machine_ + "/status") return {200, status(now), {}, 0, {}};
  if (asked.path == "/" + machine_ + "/boot.ipxe") {
    asked_ = fmt::format("{} by {}", to_rfc3339(wall), asked.host);
    return script(asked, now);
  }
  if (asked.path == "/" + machine_ + "/boot.efi") {
    asked_ = fmt::format("{} by {}", to_rfc3339(wall), asked.host);
    return image(asked, now);
  }
  if (!order_ || now >= until_ || !order_->hosts.contains(asked.host)) return nothing();
  const std::string prefix = fmt::format("/{}/{}/", machine_, order_->token);
  const bool takes = asked.method == "GET";
  if (asked.path == prefix + "kernel" && !kernel_taken_) {
    kernel_taken_ = takes;
    return {200, "", order_->kernel, order_->kernel_size, {}};
  }
  if (asked.path == prefix + "initrd" && !order_->initrd.empty() && !initrd_taken_) {
    initrd_taken_ = takes;
    return {200, "", order_->initrd, order_->initrd_size, {}};
  }
  return nothing();
}

NetbootTable::Reply NetbootTable::script(const Asked& asked, Steady now) {
  return {200, may_have(asked, now) ? netboot_script(*order_) : netboot_to_disk(), {}, 0, {}};
}

/// With "not found" firmware goes on to the next boot device.
NetbootTable::Reply NetbootTable::image(const Asked& asked, Steady now) {
  if (!may_have(asked, now) || !order_->image) return nothing();
  // Firmware asks for the size before.
  kernel_taken_ = asked.method == "GET";
  return {200, "", {}, 0, order_->image};
}

bool NetbootTable::may_have(const Asked& asked, Steady now) {
  if (!armed(now)) return false;
  if (order_->hosts.contains(asked.host)) return true;
  refused_ = asked.host;
  return false;
}

std::string NetbootTable::status(Steady now) const {
  return fmt::format("machine={}\narmed={}\nasked={}\nrefused={}\n", machine_,
                     armed(now) ? "yes" : "no", asked_, refused_);
}

}  // namespace kiln::agent
