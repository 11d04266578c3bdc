/// BMCs by Redfish: what may be asked for is what the system offers.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/power/driver.h"
#include "lib/http/client.h"

namespace kiln::agent {
namespace {

using Json = nlohmann::json;

constexpr Millis kLimit{15'000};
constexpr int kConflictTries = 6;
constexpr Millis kConflictPause{5'000};

std::string base64(std::string_view in) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < in.size(); i += 3) {
    const size_t n = std::min<size_t>(3, in.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < n ? static_cast<unsigned char>(in[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= n ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

/// "https://bmc" of "https://bmc/redfish/v1/...": the service's root for paths that it names.
std::string origin(const std::string& url) {
  return url.substr(0, url.find("/redfish/"));
}

/// The words of Redfish's error message, if it sent one.
std::string words_of(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return "";
  const Json& error = json["error"];
  if (error.contains("message") && error["message"].is_string())
    return ": " + error["message"].get<std::string>();
  return "";
}

class RedfishPower final : public PowerDriver {
 public:
  RedfishPower(machine::RedfishPower power, Pause pause)
      : at_(std::move(power)), http_(options(at_)), pause_(std::move(pause)) {
    while (at_.url.ends_with('/')) at_.url.pop_back();
  }
  [[nodiscard]] std::string unit() const override { return "bmc " + origin(at_.url); }
  [[nodiscard]] bool reads() const override { return true; }

  Result<PowerState> read(std::stop_token) override {
    KILN_ASSIGN(const Json system, get_system());
    const auto state = system.find("PowerState");
    if (state == system.end() || !state->is_string()) return PowerState::kUnknown;
    if (*state == "On") return PowerState::kOn;
    if (*state == "Off") return PowerState::kOff;
    return PowerState::kUnknown;  // PoweringOn, PoweringOff, Paused
  }

  Status set(bool on, std::stop_token stop) override {
    return on ? reset({"On", "ForceOn", "PushPowerButton"}, stop) : reset({"ForceOff"}, stop);
  }
  Status cycle(std::stop_token stop) override { return reset({"PowerCycle"}, stop); }
  [[nodiscard]] bool resets() const override { return true; }
  Status reset(std::stop_token stop) override { return reset({"ForceRestart"}, stop); }

 private:
  static http::ClientOptions options(const machine::RedfishPower& at) {
    http::ClientOptions out;
    out.timeout = kLimit;
    out.most_bytes = 1 << 20;
    out.ca_file = at.ca_file;
    out.pinned_key = at.pinned_key;
    return out;
  }

  Result<http::Response> send(const std::string& method, const std::string& url,
                              const std::string& body) {
    KILN_ASSIGN(const std::string password, read_secret(at_.password));
    http::Request request;
    request.method = method;
    request.url = url;
    request.headers = {{"Authorization", "Basic " + base64(at_.user + ":" + password)},
                       {"Accept", "application/json"},
                       {"OData-Version", "4.0"}};
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    return http_.send(request);
  }

  Result<Json> get_system() {
    KILN_ASSIGN(const http::Response answer, send("GET", at_.url, ""));
    if (answer.status == 401 || answer.status == 403)
      return fail(ErrorKind::kPermission, fmt::format("{}: user {} is refused (HTTP {})", at_.url,
                                                      at_.user, answer.status));
    if (answer.status != 200)
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("{}: HTTP {}{}", at_.url, answer.status, words_of(answer.body)));
    Json system = Json::parse(answer.body, nullptr, false);
    if (!system.is_object())
      return fail(ErrorKind::kInfrastructure, at_.url + ": the answer is no JSON object");
    return system;
  }

  struct Action {
    std::string url;
    std::vector<std::string> types;
  };
  /// Where to reset, and how it may be done. Only a path of this very service is taken: what it
  /// sends must not lead the password elsewhere.
  Result<Action> find_action() {
    KILN_ASSIGN(const Json system, get_system());
    const auto at = [](const Json& in, const char* key) {
      const auto found = in.find(key);
      return found != in.end() ? *found : Json();
    };
    const Json reset = at(at(system, "Actions"), "#ComputerSystem.Reset");
    if (!reset.is_object())
      return fail(ErrorKind::kNotFound, at_.url + " offers no reset (#ComputerSystem.Reset)");
    Action action;
    const Json target = at(reset, "target");
    if (!target.is_string() || !target.get<std::string>().starts_with("/redfish/"))
      return fail(ErrorKind::kInfrastructure, at_.url + ": the reset's target is no path");
    action.url = origin(at_.url) + target.get<std::string>();
    Json types = at(reset, "ResetType@Redfish.AllowableValues");
    // Newer services say it in a resource of its own.
    if (const Json info = at(reset, "@Redfish.ActionInfo");
        !types.is_array() && info.is_string() && info.get<std::string>().starts_with("/redfish/")) {
      KILN_ASSIGN(const http::Response answer,
                  send("GET", origin(at_.url) + info.get<std::string>(), ""));
      const Json page = Json::parse(answer.body, nullptr, false);
      if (page.is_object())
        for (const Json& parameter : at(page, "Parameters"))
          if (parameter.is_object() && at(parameter, "Name") == "ResetType")
            types = at(parameter, "AllowableValues");
    }
    if (types.is_array())
      for (const Json& type : types)
        if (type.is_string()) action.types.push_back(type.get<std::string>());
    return action;
  }

  /// The first of the ways that the system offers.
  Status reset(const std::vector<std::string>& ways, std::stop_token stop) {
    KILN_ASSIGN(const Action action, find_action());
    const auto way = std::find_if(ways.begin(), ways.end(), [&](const std::string& each) {
      return std::count(action.types.begin(), action.types.end(), each) != 0;
    });
    if (way == ways.end())
      return fail(ErrorKind::kNotFound,
                  fmt::format("{} offers none of: {}", at_.url, fmt::join(ways, ", ")));
    for (int attempt = 1;; ++attempt) {
      KILN_ASSIGN(const http::Response answer,
                  send("POST", action.url, Json({{"ResetType", *way}}).dump()));
      if (answer.status >= 200 && answer.status < 300) return {};
      // Right after a power off many refuse the next one for some seconds.
      const bool again = answer.status == 409 || answer.status == 503;
      if (!again || attempt == kConflictTries)
        return fail(ErrorKind::kInfrastructure, fmt::format("{}: {}: HTTP {}{}", action.url, *way,
                                                            answer.status, words_of(answer.body)));
      if (!pause_(kConflictPause, stop)) return fail(ErrorKind::kCancelled, "stopped");
    }
  }

  machine::RedfishPower at_;
  http::CurlClient http_;
  Pause pause_;
};

}  // namespace

std::unique_ptr<PowerDriver> make_redfish(machine::RedfishPower power, Pause pause) {
  return std::make_unique<RedfishPower>(std::move(power), std::move(pause));
}

}  // namespace kiln::agent
