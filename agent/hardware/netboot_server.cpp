/// The boot driver `network`: the table of one machine behind a port of its own.
#include <fmt/format.h>
#include <netdb.h>

#include "agent/hardware/netboot.h"
#include "agent/hardware/unified_image.h"
#include "lib/base/sync.h"
#include "lib/http/server.h"
#include "lib/log/log.h"
#include "lib/os/random.h"

namespace kiln::agent {
namespace {

constexpr uint64_t kMaxFile = 256ULL << 20;  ///< it is sent out of memory
constexpr uint64_t kMaxStub = 4 << 20;
constexpr Millis kArmedFor{900'000};  ///< a server's firmware may take minutes
constexpr Millis kSendLimit{120'000};

/// All addresses of a name, as text. The shell's own way to the machine looks it up likewise.
Result<std::set<std::string>> addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0)
    return fail(ErrorKind::kInfrastructure, fmt::format("{}: {}", host, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  std::set<std::string> out;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0)
      out.insert(text);
  }
  return out;
}

Result<std::string> fresh_token() {
  KILN_ASSIGN(const std::string bytes, os::random_bytes(16));
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

Result<uint64_t> size_of(const os::Path& file) {
  KILN_ASSIGN(const uint64_t size, os::file_size(file));
  if (size > 0 && size <= kMaxFile) return size;
  return fail(ErrorKind::kBadInput,
              fmt::format("{} has {} bytes: up to {} are served for a boot from the network",
                          file.string(), size, kMaxFile));
}

class NetworkBoot final : public OneShot {
 public:
  NetworkBoot(const machine::MachineSpec& machine, const Clock& clock)
      : name_(machine.name), boot_(machine.boot), clock_(clock), table_(NetbootTable(name_)) {
    if (const auto started = listen(); !started)
      log::line(log::Level::kWarning, "a machine cannot boot from the network",
                {{"machine", name_}, {"why", started.error().message}});
  }

  Status arm(Shell&, const BootEntry& entry, std::stop_token) override {
    KILN_TRY(check_cmdline(entry));
    KILN_TRY(listen());
    NetbootOrder order;
    KILN_ASSIGN(order.token, fresh_token());
    KILN_ASSIGN(order.hosts, addresses_of(boot_.from));
    order.cmdline = entry.cmdline;
    order.kernel = entry.kernel_file;
    KILN_ASSIGN(order.kernel_size, size_of(order.kernel));
    order.initrd = entry.initrd_file;
    if (!order.initrd.empty()) {
      KILN_ASSIGN(order.initrd_size, size_of(order.initrd));
    }
    KILN_ASSIGN(order.image, image_of(entry));
    table_.lock()->arm(std::move(order), clock_.steady() + kArmedFor);
    return {};
  }
  Status disarm(Shell&, std::stop_token) override {
    revoke();
    return {};
  }
  void revoke() override { table_.lock()->disarm(); }
  [[nodiscard]] bool fetches() const override { return true; }
  [[nodiscard]] std::string go() const override { return reboot_soon(); }

 private:
  /// Once it stands it stays, armed or not: firmware that gets no answer waits for one.
  Status listen() {
    if (server_) return {};
    http::ServerOptions options;
    options.address = netboot_address(boot_);
    options.most_connections = 8;
    options.timeout = kSendLimit;
    options.threads = 1;
    options.most_waiting = 8;
    http::Route all{"GET", "/", {}, {}, true};
    all.slow = [this](const http::ServerRequest& request, const http::AnswerPtr& to) {
      to->send(answer(request));
    };
    auto started = http::Server::start(options, {std::move(all)});
    if (started) {
      server_ = std::move(*started);
      return {};
    }
    return fail(std::move(started.error())
                    .with_hint("another program has the port, or this computer has not that"
                               " address: `address` and `port` of `boot` in the lab file"));
  }

  /// None where the lab file names no stub and none is installed that could start it: whoever has
  /// iPXE needs no image.
  Result<std::shared_ptr<const std::string>> image_of(const BootEntry& entry) const {
    std::shared_ptr<const std::string> out;
    KILN_ASSIGN(const std::string kernel, os::read_file(entry.kernel_file, kMaxFile));
    const int bits = firmware_bits(kernel);
    const os::Path file = boot_.stub.empty() ? installed_stub(bits) : boot_.stub;
    const auto stub = os::read_file(file, kMaxStub);
    if (boot_.stub.empty() && (bits == 0 || !stub)) return out;
    if (!stub) return fail(Error(stub.error()));
    std::string initrd;
    if (!entry.initrd_file.empty()) {
      KILN_ASSIGN(initrd, os::read_file(entry.initrd_file, kMaxFile));
    }
    auto image = unified_image({*stub, kernel, initrd, entry.cmdline});
    if (!image && boot_.stub.empty()) return out;
    if (!image) return fail(std::move(image.error()).with_hint("`stub` of `boot` in the lab file"));
    return std::make_shared<const std::string>(std::move(*image));
  }

  http::ServerResponse answer(const http::ServerRequest& request) {
    const NetbootTable::Reply reply = table_.lock()->answer(
        {request.method, request.path, host_of_peer(request.peer)}, clock_.now(), clock_.steady());
    http::ServerResponse out;
    out.status = reply.status;
    out.body = reply.text;
    if (reply.bytes) {
      out.type = "application/efi";  // firmware goes by the name's end, too
      out.body = *reply.bytes;
    }
    if (reply.file.empty()) return out;
    auto content = os::read_file(reply.file, kMaxFile);
    if (!content || content->size() != reply.size)
      return {500, "text/plain; charset=utf-8", "the file is not what it was\n", {}};
    out.type = "application/octet-stream";
    out.body = std::move(*content);
    return out;
  }

  const std::string name_;
  const machine::BootSpec boot_;
  const Clock& clock_;
  Sync<NetbootTable> table_;
  std::unique_ptr<http::Server> server_;  ///< ends first: it asks the table
};

}  // namespace

std::unique_ptr<OneShot> make_network_boot(const machine::MachineSpec& machine,
                                           const Clock& clock) {
  return std::make_unique<NetworkBoot>(machine, clock);
}

}  // namespace kiln::agent
