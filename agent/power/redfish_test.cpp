/// Against a Redfish service that behaves as DMTF's DSP0266 and its ComputerSystem schema say.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/power/testing.h"
#include "agent/power/verified.h"
#include "lib/http/testing.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

/// One system: a password, a state that changes after some looks, 409 while it does.
class Service {
 public:
  std::mutex mutex;
  std::string state = "On";
  std::string becomes{};  ///< after `looks` more reads
  int looks = 0;
  int conflicts = 0;     ///< resets that are refused first
  bool by_info = false;  ///< the allowed values stand in an ActionInfo
  std::vector<std::string> allowed{"On", "ForceOff", "ForceRestart", "PowerCycle"};
  std::vector<std::string> resets{};
  std::string target = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

  Service() {
    auto& server = local_.server();
    server.Get("/redfish/v1/Systems/1",
               [this](const httplib::Request& in, httplib::Response& out) { system(in, out); });
    server.Get("/redfish/v1/Systems/1/ResetInfo",
               [this](const httplib::Request&, httplib::Response& out) {
                 const Json parameter{{"Name", "ResetType"}, {"AllowableValues", allowed}};
                 reply(out, {{"Parameters", Json::array({parameter})}});
               });
    server.Post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
                [this](const httplib::Request& in, httplib::Response& out) { reset(in, out); });
  }
  [[nodiscard]] std::string url() const { return local_.url() + "/redfish/v1/Systems/1"; }

 private:
  static void reply(httplib::Response& out, const Json& json) {
    out.set_content(json.dump(), "application/json");
  }
  static bool let_in(const httplib::Request& in, httplib::Response& out) {
    if (in.get_header_value("Authorization") == "Basic a2lsbjpzM2NyZXQ=") return true;
    out.status = 401;
    return false;
  }
  void system(const httplib::Request& in, httplib::Response& out) {
    const std::lock_guard lock(mutex);
    if (!let_in(in, out)) return;
    if (!becomes.empty() && looks-- <= 0) state = std::exchange(becomes, "");
    Json action{{"target", target}};
    if (by_info)
      action["@Redfish.ActionInfo"] = "/redfish/v1/Systems/1/ResetInfo";
    else
      action["ResetType@Redfish.AllowableValues"] = allowed;
    reply(out, {{"PowerState", state}, {"Actions", {{"#ComputerSystem.Reset", action}}}});
  }
  void reset(const httplib::Request& in, httplib::Response& out) {
    const std::lock_guard lock(mutex);
    if (!let_in(in, out)) return;
    const Json asked = Json::parse(in.body, nullptr, false);
    if (conflicts > 0) {
      --conflicts;
      out.status = 409;
      return reply(out, {{"error", {{"message", "resource in use"}}}});
    }
    resets.push_back(asked.value("ResetType", ""));
    const bool off = resets.back() == "ForceOff";
    state = off ? "PoweringOff" : "PoweringOn";
    becomes = off ? "Off" : "On";
    looks = 3;
    out.status = 204;
  }
  http::testing::LocalServer local_;
};

class RedfishTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_file(folder_.path() / "pw", "s3cret\n", 0600); }
  std::unique_ptr<PowerDriver> driver() {
    machine::RedfishPower at;
    at.url = service_.url();
    at.user = "kiln";
    at.password.file = (folder_.path() / "pw").string();
    return make_redfish(at, [this](Millis, std::stop_token) { return ++pauses_ > 0; });
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "redfish-");
  Service service_;
  int pauses_ = 0;
};

TEST_F(RedfishTest, WaitsThroughPoweringOffAndBelievesOnlyOff) {
  PowerUnits units;
  SystemClock clock;
  VerifiedPower power(driver(), {.settle = Millis(20'000), .poll = Millis(1)}, units, clock);
  const auto off = power.switch_to(false, {});
  ASSERT_TRUE(off) << render(off.error());
  EXPECT_TRUE(off->is(PowerState::kOff)) << off->why;
  const auto on = power.switch_to(true, {});
  ASSERT_TRUE(on) << render(on.error());
  EXPECT_TRUE(on->is(PowerState::kOn)) << on->why;
  EXPECT_THAT(service_.resets, ::testing::ElementsAre("ForceOff", "On"));
}

TEST_F(RedfishTest, StatesInBetweenAndUnheardOfAreUnknown) {
  for (const char* state : {"PoweringOff", "PoweringOn", "Paused", "off", ""}) {
    service_.state = state;
    EXPECT_EQ(driver()->read({}).value(), PowerState::kUnknown) << state;
  }
}

TEST_F(RedfishTest, AsksOnlyForWhatTheSystemOffersWhereverItSaysSo) {
  service_.by_info = true;
  service_.allowed = {"ForceOn", "ForceOff"};
  ASSERT_TRUE(driver()->set(true, {}));
  EXPECT_THAT(service_.resets, ::testing::ElementsAre("ForceOn"));
  const auto cycle = driver()->cycle({});
  ASSERT_FALSE(cycle);
  EXPECT_THAT(cycle.error().message, HasSubstr("offers none of: PowerCycle"));
}

TEST_F(RedfishTest, TheResetButtonIsItsOwn) {
  EXPECT_TRUE(driver()->resets());
  ASSERT_TRUE(driver()->reset({}));
  EXPECT_THAT(service_.resets, ::testing::ElementsAre("ForceRestart"));
}

TEST_F(RedfishTest, AConflictRightAfterAPowerOffIsAskedAgainAndNotForEver) {
  service_.conflicts = 3;
  EXPECT_TRUE(driver()->set(true, {}));
  EXPECT_EQ(pauses_, 3);
  service_.conflicts = 1000;
  const auto refused = driver()->set(true, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("HTTP 409: resource in use"));
}

TEST_F(RedfishTest, AWrongPasswordIsSaidAndATargetElsewhereIsNotFollowed) {
  service_.target = "http://elsewhere/redfish/v1/reset";
  EXPECT_FALSE(driver()->set(true, {}));
  EXPECT_TRUE(service_.resets.empty());
  testing::write_file(folder_.path() / "pw", "wrong\n", 0600);
  const auto state = driver()->read({});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, ErrorKind::kPermission);
}

}  // namespace
}  // namespace kiln::agent
