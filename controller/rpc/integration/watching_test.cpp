/// Open watches, and whose runs one may end: the Lab service behind its guards, over real TLS.
#include <fstream>
#include <thread>

#include "controller/results/event_hub.h"
#include "controller/rpc/caller.h"
#include "controller/rpc/integration/lab_fixture.h"
#include "controller/rpc/lab_service.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

/// Runs that go on as long as the test; watched as the controller's are.
class OpenRuns final : public LabBackend {
 public:
  using Note = std::function<void(const std::string&)>;
  Result<v1::Plan> plan(const std::string&, const Note&, std::stop_token) override {
    return v1::Plan();
  }
  Result<v1::StartRunReply> start_run(const v1::StartRunRequest&) override {
    return v1::StartRunReply();
  }
  Result<v1::StartRunReply> submit(const v1::SubmitHeader&, const std::string&,
                                   const std::function<bool(v1::SubmitFile*)>&) override {
    return v1::StartRunReply();
  }
  Status watch_run(int64_t run, int64_t from,
                   const std::function<bool(const v1::RunEvent&)>& emit) override {
    int64_t after = from;
    ++watching;
    bool goes_on = true;
    while (goes_on) {
      const auto events = hub.next(run, after, Millis(100));
      for (const v1::RunEvent& event : *events) {
        after = event.seq();
        goes_on = goes_on && emit(event);
      }
      goes_on = goes_on && emit(v1::RunEvent());
    }
    --watching;
    return {};
  }
  Status cancel_run(int64_t, const std::string& user, bool keeper) override {
    cancelled_by = fmt::format("{} {}", user, keeper ? "keeper" : "-");
    return {};
  }
  Result<v1::StartRunReply> retry(const v1::RetryRunRequest&, const std::string&) override {
    return v1::StartRunReply();
  }
  Result<v1::ListRunsReply> list_runs(int, int64_t) override { return v1::ListRunsReply(); }
  Result<v1::RunReport> report(const v1::GetReportRequest&) override { return v1::RunReport(); }
  Status log(const v1::GetLogRequest&, const std::function<bool(std::string_view)>&) override {
    return {};
  }

  SystemClock clock;
  results::EventHub hub{clock, nullptr};
  std::atomic<int> watching{0};
  std::string cancelled_by;
};

class WatchingTest : public LabFixture {
 protected:
  void add_services(grpc::ServerBuilder& users) override {
    runs_.hub.open(1);
    lab_ = std::make_unique<LabService>(
        runs_, [this](const auto& context) { return caller_of(context, *gate_).name; },
        [this](const auto& context) {
          return caller_of(context, *gate_).role >= access::Role::kKeeper;
        },
        [this](const auto& context, const std::string& method) {
          return still_admitted(context, method, *gate_);
        });
    users.RegisterService(lab_.get());
  }
  bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(Millis(10));
    return holds();
  }
  /// Reads until the watch ends.
  static grpc::Status watch(const Channel& channel, std::atomic<int>* events) {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(20'000));
    v1::WatchRunRequest request;
    request.set_run_id(1);
    const auto stub = v1::Lab::NewStub(channel);
    const auto reader = stub->WatchRun(&context, request);
    v1::RunEvent event;
    while (reader->Read(&event)) ++*events;
    return reader->Finish();
  }

  OpenRuns runs_;
  std::unique_ptr<LabService> lab_;
};

TEST_F(WatchingTest, ARevokedTokenEndsItsOpenWatchAndNoOther) {
  const std::string secret = token("viewer");
  const Channel channel = users(secret);
  std::atomic<int> events{0};
  std::atomic<int> others{0};
  grpc::Status ended;
  std::jthread watcher([&] { ended = watch(channel, &events); });
  grpc::ClientContext other_context;
  std::jthread other([&, with = users(token("viewer"))] {
    v1::WatchRunRequest request;
    request.set_run_id(1);
    const auto stub = v1::Lab::NewStub(with);
    const auto reader = stub->WatchRun(&other_context, request);
    v1::RunEvent event;
    while (reader->Read(&event)) ++others;
    (void)reader->Finish();
  });
  ASSERT_TRUE(soon([&] { return events > 0 && others > 0; }));
  v1::RevokeTokenRequest request;
  request.set_id(who_am_i(channel).reply.token_id());
  ASSERT_TRUE(desk_->revoke_token(request, {Caller::Kind::kLocal, "local", access::Role::kAdmin}));
  watcher.join();
  EXPECT_EQ(ended.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(ended.error_message(), HasSubstr("was revoked on"));
  const int before = others;
  EXPECT_TRUE(soon([&] { return others > before + 5; })) << "the other watch goes on";
  other_context.TryCancel();
}

TEST_F(WatchingTest, AnExpiredTokenEndsItsOpenWatch) {
  std::atomic<int> events{0};
  grpc::Status ended;
  std::jthread watcher([&, with = users(token("viewer", 60))] { ended = watch(with, &events); });
  ASSERT_TRUE(soon([&] { return events > 0; }));
  clock_.advance(Millis(61'000));
  watcher.join();
  EXPECT_EQ(ended.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(ended.error_message(), HasSubstr("expired on"));
}

TEST_F(WatchingTest, AWatchThatIsOverGivesItsSeatBack) {
  Watches watches;
  {
    std::vector<Watches::Seat> seats;
    for (int i = 0; i < Watches::kOfOne; ++i) seats.push_back(*watches.take("anna"));
    const auto refused = watches.take("anna");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "anna watches 300 runs already, as many as a user may");
    EXPECT_TRUE(watches.take("bob"));
  }
  EXPECT_TRUE(watches.take("anna"));
}

TEST_F(WatchingTest, WatchersThatNeverReadHoldUpNobodyAndLittleMemory) {
  constexpr int kStuck = 50;
  const auto stub = v1::Lab::NewStub(users(token("viewer")));
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::RunEvent>>> readers;
  v1::WatchRunRequest request;
  request.set_run_id(1);
  for (int i = 0; i < kStuck; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stub->WatchRun(contexts.back().get(), request));
  }
  ASSERT_TRUE(soon([&] { return runs_.watching == kStuck; }));
  const auto rss_mib = [] {
    std::ifstream in("/proc/self/statm");
    int64_t pages = 0;
    in >> pages >> pages;
    return pages * 4096 / (1 << 20);
  };
  const auto before = rss_mib();
  v1::RunEvent event;
  event.set_kind("console");
  event.set_text(std::string(1000, 'x'));
  // 30 MB for each of them, were it kept: 1,500 MB. Sanitizers keep for a while what was freed.
  for (int i = 0; i < 30'000; ++i) runs_.hub.publish(1, event);
  std::atomic<int> events{0};
  std::jthread watcher([&, with = users(token("viewer", 60))] { (void)watch(with, &events); });
  EXPECT_TRUE(soon([&] { return events > 1000; })) << "others are served";
  EXPECT_LT(rss_mib() - before, 500);
  for (const auto& context : contexts) context->TryCancel();
  clock_.advance(Millis(61'000));
  watcher.join();
  EXPECT_TRUE(soon([&] { return runs_.watching == 0; }));
}

TEST_F(WatchingTest, TheServiceTellsWhoCancels) {
  const auto cancel = [&](const std::string& role) {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(10'000));
    v1::CancelRunRequest request;
    v1::CancelRunReply reply;
    EXPECT_TRUE(v1::Lab::NewStub(users(token(role)))->CancelRun(&context, request, &reply).ok());
    return runs_.cancelled_by;
  };
  EXPECT_EQ(cancel("submitter"), "anna -");
  EXPECT_EQ(cancel("keeper"), "anna keeper");
}

}  // namespace
}  // namespace kiln::controller
