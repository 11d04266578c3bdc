/// pdudaemon by its HTTP: it switches and says that it did; it cannot tell a state.
#include <fmt/format.h>

#include "agent/power/driver.h"
#include "lib/base/text.h"
#include "lib/http/client.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{60'000};  // it answers after its own tries

class PdudaemonPower final : public PowerDriver {
 public:
  explicit PdudaemonPower(machine::PdudaemonPower power)
      : at_(std::move(power)), http_({.timeout = kLimit, .most_bytes = 64 << 10}) {
    while (at_.url.ends_with('/')) at_.url.pop_back();
  }
  [[nodiscard]] std::string unit() const override {
    return fmt::format("pdudaemon {} {}", at_.url, at_.alias.empty() ? at_.pdu : at_.alias);
  }
  [[nodiscard]] bool reads() const override { return false; }
  Status set(bool on, std::stop_token) override { return ask(on ? "on" : "off"); }
  Status cycle(std::stop_token) override { return ask("reboot"); }
  Result<PowerState> read(std::stop_token) override { return PowerState::kUnknown; }

 private:
  Status ask(const std::string& what) {
    http::Request request;
    request.url = at_.url + "/power/control/" + what + "?";
    if (at_.alias.empty())
      request.url +=
          fmt::format("hostname={}&port={}", http::url_encode(at_.pdu), http::url_encode(at_.port));
    else
      request.url += "alias=" + http::url_encode(at_.alias);
    KILN_ASSIGN(const http::Response answer, http_.send(request));
    if (answer.status == 200) return {};
    const auto words = trim(std::string_view(answer.body).substr(0, 200));
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{}: HTTP {}: {}", request.url, answer.status, to_valid_utf8(words)));
  }

  machine::PdudaemonPower at_;
  http::CurlClient http_;
};

}  // namespace

std::unique_ptr<PowerDriver> make_pdudaemon(machine::PdudaemonPower power) {
  return std::make_unique<PdudaemonPower>(std::move(power));
}

}  // namespace kiln::agent
