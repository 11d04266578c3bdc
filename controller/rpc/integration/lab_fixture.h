#pragma once
/// A lab's two network ports and its socket on this computer, with all that guards them: real
/// servers, certificates and database.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <mutex>
#include <string>

#include "controller/access/access_desk.h"
#include "controller/rpc/access_service.h"
#include "controller/rpc/agent_link_service.h"
#include "controller/rpc/authenticator.h"
#include "lib/blob/blob_store.h"
#include "lib/pki/testing.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/enrol.h"
#include "lib/rpc/status.h"

namespace kiln::controller {

/// The real time, moved.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return SystemClock().now() + moved_.load(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return SystemClock().steady() + moved_.load();
  }
  void advance(Millis by) { moved_ = moved_.load() + by; }

 private:
  std::atomic<Millis> moved_{Millis(0)};
};

class LabFixture : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  using Channel = std::shared_ptr<grpc::Channel>;
  /// A new connection each: nothing of another test's or call's handshake is used again.
  [[nodiscard]] Channel users(const std::string& token, const std::string& ca = "") const;
  [[nodiscard]] Channel agents(const os::Path& folder) const;
  [[nodiscard]] Channel local() const;

  /// A token of anna's with the role, good for `seconds` (0 = the usual time).
  std::string token(const std::string& role, double seconds = 0);
  /// A folder with the certificate of a newly enrolled agent.
  os::Path enrolled(const std::string& agent);
  v1::CreateEnrolmentReply invitation(const std::string& agent);
  [[nodiscard]] rpc::EnrolAsk ask(const v1::CreateEnrolmentReply& invitation) const;

  [[nodiscard]] std::vector<v1::AuditEntry> audit(const std::string& outcome = "");
  std::vector<std::string> log_lines();
  /// More services of the users' port; called once, by SetUp().
  virtual void add_services(grpc::ServerBuilder& /*users*/) {}
  [[nodiscard]] std::string target(int port) const { return fmt::format("127.0.0.1:{}", port); }

  os::TempFolder temp_ = std::move(*os::TempFolder::make("/tmp", "access-test"));
  MovedClock clock_;
  std::optional<pki::Authority> authority_;
  std::optional<db::Database> database_;
  std::optional<blob::BlobStore> blobs_;
  std::optional<AuditLog> audit_;
  std::optional<Gate> gate_;
  std::optional<AccessDesk> desk_;
  std::vector<std::string> revoked_;  ///< agents, as the desk told it
  int user_port_ = 0;
  int agent_port_ = 0;
  fleet::Fleet fleet_;

 private:
  void serve();
  std::unique_ptr<AccessService> access_;
  std::unique_ptr<EnrolmentService> enrolment_;
  std::unique_ptr<AgentLinkService> link_;
  std::unique_ptr<grpc::Server> user_server_;
  std::unique_ptr<grpc::Server> agent_server_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
};

/// The outcome of WhoAmI over a channel: what any viewer may ask.
struct Answer {
  grpc::Status status;
  v1::WhoAmIReply reply;
};
Answer who_am_i(const std::shared_ptr<grpc::Channel>& channel);
/// A status' message without the hint below it.
std::string words(const grpc::Status& status);
/// Of a call that takes an admin.
grpc::Status make_token(const std::shared_ptr<grpc::Channel>& channel,
                        const std::string& note = "");
/// Of a call that takes an agent: fetches an artifact that is not there, so NOT_FOUND is "served".
grpc::Status fetch(const std::shared_ptr<grpc::Channel>& channel);
/// Of any method with any bytes as its request.
grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::string& bytes);
/// Connects as the agent; OK when the controller's welcome came.
grpc::Status say_hello(const std::shared_ptr<grpc::Channel>& channel, const std::string& agent);

}  // namespace kiln::controller
