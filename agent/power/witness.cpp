#include "agent/power/verified.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

class PortWitness final : public Witness {
 public:
  PortWitness(std::string host, int port, Millis timeout)
      : host_(std::move(host)), port_(port), timeout_(timeout) {}
  [[nodiscard]] std::string name() const override { return "SSH port"; }
  void before() override { was_alive_ = greets(); }
  Sign look() override {
    if (greets()) return Sign::kAlive;
    return was_alive_ ? Sign::kDead : Sign::kNothing;
  }

 private:
  /// A greeting, not a connection alone: a switch or a firewall may accept that.
  bool greets() { return os::read_greeting(host_, port_, 64, timeout_).has_value(); }

  std::string host_;
  int port_;
  Millis timeout_;
  bool was_alive_ = false;
};

class ConsoleWitness final : public Witness {
 public:
  ConsoleWitness(std::function<uint64_t()> count, Pause pause)
      : count_(std::move(count)), pause_(std::move(pause)) {}
  [[nodiscard]] std::string name() const override { return "console"; }
  void before() override {}
  /// Noise of the switching itself is a few bytes at most.
  Sign look() override {
    constexpr Millis kListen{1'000};
    constexpr uint64_t kNoise = 16;
    const uint64_t before = count_();
    (void)pause_(kListen, {});
    return count_() > before + kNoise ? Sign::kAlive : Sign::kNothing;
  }

 private:
  std::function<uint64_t()> count_;
  Pause pause_;
};

}  // namespace

std::unique_ptr<Witness> make_port_witness(std::string host, int port, Millis timeout) {
  return std::make_unique<PortWitness>(std::move(host), port, timeout);
}

std::unique_ptr<Witness> make_console_witness(std::function<uint64_t()> count, Pause pause) {
  return std::make_unique<ConsoleWitness>(std::move(count), std::move(pause));
}

}  // namespace kiln::agent
