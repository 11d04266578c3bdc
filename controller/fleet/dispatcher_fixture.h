#pragma once
/// For tests: a dispatcher with one agent that has two machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/fleet/dispatcher.h"
#include "controller/fleet/testing.h"

namespace kiln::fleet {

class FakeSender final : public AgentSender {
 public:
  void send(v1::ToAgent message) override { sent.lock()->push_back(std::move(message)); }
  /// "start 5", "cancel 7", "ack 5".
  std::vector<std::string> words() {
    std::vector<std::string> out;
    auto all = sent.lock();
    for (const v1::ToAgent& message : *all) {
      if (message.has_start())
        out.push_back("start " + std::to_string(message.start().session_id()));
      if (message.has_cancel())
        out.push_back("cancel " + std::to_string(message.cancel().session_id()));
      if (message.has_ack()) out.push_back("ack " + std::to_string(message.ack().session_id()));
    }
    return out;
  }
  Sync<std::vector<v1::ToAgent>> sent;
};

/// What a run was told.
struct Told {
  Sync<std::vector<lab::Grant>> grants;
  Sync<std::vector<int64_t>> done;
  Sync<std::vector<int64_t>> lost;
  RunListener listener() {
    RunListener out;
    out.granted = [this](const lab::Grant& grant) { grants.lock()->push_back(grant); };
    out.session_done = [this](const v1::SessionDone& end) {
      done.lock()->push_back(end.session().id());
    };
    out.session_lost = [this](int64_t id) { lost.lock()->push_back(id); };
    return out;
  }
};

class DispatcherTest : public testing::Test {
 protected:
  void SetUp() override { start(); }
  void start(int quarantine_after = 3) {
    dispatcher_.reset();
    DispatcherOptions options;
    options.home = "here";
    options.quarantine_after = quarantine_after;
    dispatcher_ = std::make_unique<Dispatcher>(fleet_, store_, clock_, options);
    ASSERT_TRUE(dispatcher_->load());
  }
  v1::Hello hello(std::vector<v1::HeldSession> sessions = {}) {
    v1::Hello out;
    out.set_agent("a1");
    for (const char* name : {"m1", "m2"}) {
      v1::MachineInfo* machine = out.add_machines();
      machine->set_name(name);
      machine->add_tags("qemu");
    }
    for (const v1::HeldSession& held : sessions) *out.add_sessions() = held;
    return out;
  }
  void connect(std::vector<v1::HeldSession> sessions = {}) {
    sender_ = std::make_shared<FakeSender>();
    fleet_.connected("a1", hello(std::move(sessions)), sender_);
  }
  static v1::HeldSession held(int64_t id, bool ended = false) {
    v1::HeldSession out;
    out.set_session_id(id);
    out.set_machine("m1");
    out.set_ended(ended);
    return out;
  }
  static lab::Want want(const std::string& key) {
    lab::Want out;
    out.key = key;
    out.tags = {"qemu"};
    return out;
  }
  void report_done(int64_t id) {
    v1::FromAgent message;
    message.mutable_done()->mutable_session()->set_id(id);
    message.mutable_done()->mutable_session()->set_machine("m1");
    message.mutable_done()->mutable_session()->set_ending("tested");
    fleet_.received("a1", message);
  }
  /// Waits until it holds, at most 5 s.
  static bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(Millis(10));
    }
    return false;
  }
  v1::SessionOrder order(int64_t id, const lab::Grant& grant) {
    v1::SessionOrder out;
    out.set_session_id(id);
    out.set_lease_epoch(grant.lease);
    out.set_machine(grant.place);
    return out;
  }
  lab::Grant first_grant(Told& told) {
    EXPECT_TRUE(soon([&] { return !told.grants.lock()->empty(); }));
    auto grants = told.grants.lock();
    return grants->empty() ? lab::Grant() : grants->front();
  }
  std::string word(const std::string& machine) {
    for (const MachineView& view : dispatcher_->views())
      if (view.info.name() == machine) return view.word;
    return "";
  }
  void lease_of_an_earlier_life(int64_t session, int64_t run) {
    Lease lease;
    lease.number = 40;
    lease.session_id = session;
    lease.run_id = run;
    lease.key = "k";
    lease.machine = "m1";
    lease.user = "ann";
    store_.kept.lock()->leases = {lease};
    store_.kept.lock()->newest = 40;
    start();
  }

  Fleet fleet_;
  MemoryLeaseStore store_;
  FakeClock clock_;
  std::shared_ptr<FakeSender> sender_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace kiln::fleet
