#include "agent/machine/qmp.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

namespace kiln::agent {
namespace {

constexpr size_t kMaxBuffer = 1 << 20;

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Qmp::Qmp(Qmp&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      closed_(other.closed_),
      buffer_(std::move(other.buffer_)),
      replies_(std::move(other.replies_)),
      events_(std::move(other.events_)) {}

Qmp::~Qmp() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Qmp> Qmp::open(int fd, Millis timeout) {
  Qmp qmp(fd);
  KILN_TRY(qmp.next_reply(std::chrono::steady_clock::now() + timeout));  // the greeting
  KILN_TRY(qmp.command("qmp_capabilities", timeout));
  return qmp;
}

void Qmp::take_lines() {
  size_t start = 0;
  for (size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', start)) {
    const std::string line = buffer_.substr(start, end - start);
    start = end + 1;
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    if (!json.contains("event")) {
      replies_.push_back(line);
      continue;
    }
    const auto data = json.value("data", nlohmann::json::object());
    events_.push_back(
        {text_at(json, "event"), data.is_object() ? text_at(data, "reason") : std::string()});
  }
  buffer_.erase(0, start);
  if (buffer_.size() > kMaxBuffer) buffer_.clear();
}

Status Qmp::read_some(Millis timeout) {
  pollfd wait{fd_, POLLIN, 0};
  if (closed_ || ::poll(&wait, 1, static_cast<int>(timeout.count())) <= 0) return {};
  std::array<char, 4096> chunk{};
  const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n <= 0) {
    closed_ = true;
    return fail(ErrorKind::kInfrastructure, "QEMU closed its control channel");
  }
  buffer_.append(chunk.data(), static_cast<size_t>(n));
  take_lines();
  return {};
}

Result<std::string> Qmp::next_reply(std::chrono::steady_clock::time_point deadline) {
  while (replies_.empty()) {
    if (closed_) return fail(ErrorKind::kInfrastructure, "QEMU closed its control channel");
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return fail(ErrorKind::kTimeout, "QEMU does not answer on its control channel");
    KILN_TRY(read_some(left));
  }
  std::string reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

Status Qmp::command(std::string_view name, Millis timeout) {
  const std::string line = fmt::format("{{\"execute\":\"{}\"}}\n", name);
  if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return fail(ErrorKind::kInfrastructure, "QEMU closed its control channel");
  KILN_ASSIGN(const std::string reply, next_reply(std::chrono::steady_clock::now() + timeout));
  const auto json = nlohmann::json::parse(reply, nullptr, false);
  if (json.is_object() && json.contains("return")) return {};
  return fail(ErrorKind::kInfrastructure, fmt::format("QEMU refused `{}`: {}", name, reply));
}

std::deque<QmpEvent> Qmp::events() {
  while (!closed_) {
    const size_t before = events_.size() + replies_.size() + buffer_.size();
    if (!read_some(Millis(0))) break;
    if (events_.size() + replies_.size() + buffer_.size() == before) break;
  }
  return std::exchange(events_, {});
}

}  // namespace kiln::agent
