#include "agent/link/tunnels.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "lib/base/text.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

using Stream = grpc::ClientReaderWriter<v1::TunnelFromAgent, v1::TunnelToAgent>;

constexpr Millis kLook{200};  // how late a reader notices that it is to end
constexpr Millis kConnect{10'000};
constexpr Millis kTake{10'000};  // a machine that takes no byte for so long is gone
constexpr size_t kChunk = 64 << 10;

/// The machine's side of a tunnel. read() is called by one thread, write() by another.
class End {
 public:
  virtual ~End() = default;
  /// "" = nothing came within kLook. An error: it has closed.
  virtual Result<std::string> read() = 0;
  virtual Status write(std::string_view bytes) = 0;
};

class ConsoleEnd final : public End {
 public:
  explicit ConsoleEnd(TappedMachine& machine) : machine_(machine), at_(machine.taps().begin()) {}
  Result<std::string> read() override { return machine_.taps().read(&at_, kLook); }
  Status write(std::string_view bytes) override {
    // Off, or between two boots: what is typed then is lost, as on any serial line.
    (void)machine_.console().write(bytes);
    return {};
  }

 private:
  TappedMachine& machine_;
  uint64_t at_;
};

class SocketEnd final : public End {
 public:
  explicit SocketEnd(int fd) : fd_(fd) {}
  ~SocketEnd() override { ::close(fd_); }
  Result<std::string> read() override {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(kLook.count())) <= 0) return std::string();
    std::string out(kChunk, '\0');
    const ssize_t n = ::read(fd_, out.data(), out.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::string();
    if (n <= 0) return fail(ErrorKind::kInfrastructure, "the machine has closed the connection");
    out.resize(static_cast<size_t>(n));
    return out;
  }
  Status write(std::string_view bytes) override { return os::write_within(fd_, bytes, kTake); }

 private:
  int fd_;
};

/// Lets the key in, and connects.
Result<std::unique_ptr<End>> open_ssh(TappedMachine& machine, const std::string& key,
                                      std::string* host_key, const std::stop_token& stop) {
  KILN_ASSIGN(const std::string line, checked_ssh_key(key));
  KILN_ASSIGN(const auto shell, machine.connect(kConnect, stop));
  ShellRequest request;
  request.command = fmt::format(
      "umask 077; mkdir -p /root/.ssh && cd /root/.ssh && touch authorized_keys && "
      "{{ grep -qxF '{0}' authorized_keys || echo '{0}' >>authorized_keys; }}",
      line);
  KILN_ASSIGN(const ShellReply reply, shell->run(request, stop));
  if (!reply.ok())
    return fail(ErrorKind::kInfrastructure,
                "the key could not be written on the machine: " + to_valid_utf8(trim(reply.err)));
  KILN_ASSIGN(const ShellEndpoint to, machine.endpoint());
  KILN_ASSIGN(*host_key, os::read_file(to.host_key_file, 64 << 10));
  *host_key = trim(*host_key);
  KILN_ASSIGN(const int fd, os::connect_within(to.host, to.port, kConnect));
  return std::make_unique<SocketEnd>(fd);
}

/// What the machine says, to the controller, until either side has ended.
void send_all(End& end, Stream& stream, const std::stop_token& stop) {
  v1::TunnelFromAgent message;
  while (!stop.stop_requested()) {
    message.Clear();
    auto bytes = end.read();
    if (!bytes) {
      message.set_ended(true);
      message.set_why(to_valid_utf8(bytes.error().message));
    } else if (bytes->empty()) {
      continue;
    } else {
      message.set_data(std::move(*bytes));
    }
    if (!stream.Write(message) || message.ended()) return;
  }
}

}  // namespace

Result<std::string> checked_ssh_key(std::string_view key) {
  const auto parts = split(trim(key), ' ');
  const auto plain = [](const std::string& text, std::string_view more) {
    return !text.empty() && text.size() < 8192 &&
           std::all_of(text.begin(), text.end(), [&](unsigned char c) {
             return std::isalnum(c) != 0 ||
                    more.find(static_cast<char>(c)) != std::string_view::npos;
           });
  };
  const auto is_type = [](const std::string& word) {
    return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
  };
  if (parts.size() < 2 || !is_type(parts[0]) || !plain(parts[0], "-@.") || !plain(parts[1], "+/="))
    return fail(Error(ErrorKind::kBadInput, "that is no public key of SSH")
                    .with_hint("such as ~/.ssh/id_ed25519.pub: `ssh-ed25519 AAAA...`"));
  return parts[0] + " " + parts[1];
}

Tunnels::Tunnels(std::shared_ptr<grpc::Channel> channel, Find find)
    : stub_(v1::AgentLink::NewStub(std::move(channel))), find_(std::move(find)) {}

Tunnels::~Tunnels() {
  std::list<Open> last;
  last.swap(*open_.lock());
  for (Open& each : last) each.thread.request_stop();
}

void Tunnels::open(const v1::OpenAgentTunnel& order) {
  auto open = open_.lock();
  open->remove_if([](const Open& each) { return each.ended.load(); });
  if (open->size() >= kMost) return;  // the controller's wait for it ends with that word
  Open& mine = open->emplace_back();
  mine.thread = std::jthread([this, order, &mine](const std::stop_token& stop) {
    run(order, stop);
    mine.ended = true;
  });
}

void Tunnels::run(const v1::OpenAgentTunnel& order, std::stop_token stop) {
  grpc::ClientContext context;
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const auto stream = stub_->Tunnel(&context);
  v1::TunnelFromAgent first;
  first.set_tunnel_id(order.tunnel_id());
  TappedMachine* machine = find_(order.machine());
  std::unique_ptr<End> end;
  Result<std::unique_ptr<End>> opened =
      fail(ErrorKind::kNotFound, "its agent has no machine " + order.machine());
  if (machine != nullptr && order.kind() == "ssh")
    opened = open_ssh(*machine, order.ssh_key(), first.mutable_host_key(), stop);
  else if (machine != nullptr)
    opened = std::make_unique<ConsoleEnd>(*machine);
  if (opened) {
    end = std::move(*opened);
  } else {
    first.set_ended(true);
    first.set_why(to_valid_utf8(opened.error().message));
  }
  if (stream->Write(first) && end) {
    std::jthread sender([&](const std::stop_token& over) { send_all(*end, *stream, over); });
    v1::TunnelToAgent message;
    while (stream->Read(&message))
      if (!end->write(message.data())) break;
    sender.request_stop();
    // A controller that reads no more must not keep the sender in its write.
    context.TryCancel();
  }
  (void)stream->Finish();
}

}  // namespace kiln::agent
