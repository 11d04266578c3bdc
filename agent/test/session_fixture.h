#pragma once
/// A machine, its guest and its store for tests of whole sessions; for this folder's tests only.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>

#include "agent/machine/again.h"
#include "agent/machine/fake_machine.h"
#include "agent/test/session.h"
#include "lib/os/process.h"

namespace kiln::agent {

/// Artifacts in a folder; what is put stays readable under its digest.
class FolderArtifacts final : public Artifacts {
 public:
  explicit FolderArtifacts(os::Path folder) : folder_(std::move(folder)) {}
  Result<os::Path> fetch(const std::string& digest, std::stop_token) override {
    if (!os::file_size(folder_ / digest))
      return fail(ErrorKind::kNotFound, "artifact " + digest + " is not there");
    return folder_ / digest;
  }
  Result<std::string> put(const os::Path& file) override {
    KILN_ASSIGN(const std::string digest, os::sha256_file(file));
    std::filesystem::rename(file, folder_ / digest);
    return digest;
  }

 private:
  os::Path folder_;
};

inline constexpr const char* kReady =
    "[    0.000000] Linux version 6.1.192 (kiln@kiln)\r\n[    2.0] Run /sbin/init\r\n"
    "kiln-init: ready\r\n";
inline constexpr const char* kPanic =
    "[   30.1] [IGT] gem_x: starting subtest b\r\n"
    "[   31.2] BUG: kernel NULL pointer dereference, address: 00000000\r\n"
    "[   31.2] EIP: shmem_pread+0x12/0x40\r\n"
    "[   31.3] Kernel panic - not syncing: Fatal exception\r\n"
    "[   31.4] Rebooting in 5 seconds..\r\n";

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "session");
    for (const char* name : {"session", "store", "results"})
      ASSERT_TRUE(os::make_dirs(dir_ / name));
    ASSERT_TRUE(os::write_atomic(dir_ / "store/kernel", "bzImage"));
    order_.session_id = 7;
    order_.image_digest = "kernel";
    order_.max_restarts = 2;
    order_.expected.release = "6.1.192";
    order_.expected.config_digest = "cc";
    order_.phases.push_back({.name = "gem", .test_list = "igt@gem_x\n"});
    machine_.on_boot = [this](int boot) {
      ++boot_id_;
      machine_.say(kReady);
      (void)boot;
    };
    machine_.answer = [this](const ShellRequest& request, std::stop_token stop) {
      return answer(request, stop);
    };
    results({{"igt@gem_x@a", "pass"}, {"igt@gem_x@b", "fail"}});
  }
  void TearDown() override { (void)os::remove_tree(dir_); }

  /// What igt_runner is to leave behind.
  void results(const std::vector<std::pair<std::string, std::string>>& tests) {
    std::string json;
    for (const auto& [name, outcome] : tests) {
      json += fmt::format(
          R"({}"{}":{{"result":"{}","out":"","err":"","dmesg":"","time":{{"__type__":"TimeAttribute","start":0,"end":1.5}}}})",
          json.empty() ? "" : ",", name, outcome);
    }
    ASSERT_TRUE(os::write_atomic(
        dir_ / "results/results.json",
        R"({"__type__":"TestrunResult","results_version":10,"name":"x","tests":{)" + json + "}}"));
  }

  std::string probe() const {
    return fmt::format(
        "now=1790000000.0\nrelease={}\nboot_id=boot-{}\ntaint=0\ncmdline=root=/dev/vda "
        "kiln.session=7-n\nnotes=\nconfig=cc\nMemTotal:=2000000\ndisk=1000\nend=kiln-probe\n",
        release_, boot_id_);
  }

  Result<ShellReply> answer(const ShellRequest& request, std::stop_token stop) {
    const std::string& command = request.command;
    const auto has = [&](std::string_view word) { return command.find(word) != command.npos; };
    ShellReply reply;
    reply.exit_code = 0;
    if (has("kiln-probe")) {
      reply.out = probe();
    } else if (has("tail -c")) {
      if (runner_) return runner_(request, stop);
      request.on_output("[1.0] [1/2] gem_x (a)\n[2.0] [2/2] gem_x (b)\n");
      reply.err = "0\n";
    } else if (broken_reads_ > 0 && (has("tar -cf") || has("dmesg -r"))) {
      --broken_reads_;
      return fail(ErrorKind::kInfrastructure, "the connection broke while it was read");
    } else if (has("tar -cf")) {
      os::Command tar;
      tar.argv = {"tar", "-cf", request.output_file, "-C", (dir_ / "results").string(), "."};
      EXPECT_TRUE(os::run_ok(tar));
    } else if (has("dmesg -r")) {
      reply.err = fmt::format("boot_id=boot-{}\ntaint=0\n", boot_id_);
      EXPECT_TRUE(os::write_atomic(request.output_file, "<6>[ 1.0] hello\n"));
    } else if (command == kBootIdCommand) {
      reply.out = fmt::format("boot-{}\n", boot_id_);
    } else if (command.starts_with("echo ")) {
      if (!answers_) return fail(ErrorKind::kTimeout, "no answer");
      reply.out = command.substr(5) + "\n";
    } else if (other_) {
      return other_(request, stop);
    }
    return reply;
  }

  SessionOutcome run(std::stop_token stop = {}) {
    SessionDeps deps;
    deps.machine = &machine_;
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = dir_ / "session";
    deps.nonce = "7-n";
    deps.boot_limit = boot_limit_;
    deps.silence = Millis(300);
    deps.boot_silence = boot_silence_;
    deps.progress = [this](const SessionProgress& p) {
      const std::lock_guard lock(seen_mutex_);  // the console tells on its own thread
      seen_.push_back(p.phase + " " + p.text);
      if (p.phase == "up") seen_up_ = true;
      if (p.phase == "down") seen_down_ = true;
    };
    SessionOutcome outcome = Session(std::move(deps), order_).run(stop);
    EXPECT_FALSE(machine_.is_on());
    EXPECT_TRUE(machine_.ended()) << "the disk is removed, whatever happened";
    return outcome;
  }
  std::string stored(const SessionOutcome& outcome, const std::string& name) {
    const auto found = outcome.artifacts.find(name);
    return found == outcome.artifacts.end()
               ? "(none)"
               : os::read_file(dir_ / "store" / found->second).value_or("(lost)");
  }
  /// The runner's output for a machine that dies in gem_x@b at its first attempt.
  void crash_in_b(const char* console) {
    runner_ = [this, console](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
      ShellReply reply;
      reply.exit_code = 0;
      reply.err = "0\n";
      if (machine_.boots() > 1) return reply;
      request.on_output("[1.0] [1/2] gem_x (a)\n[2.0] [2/2] gem_x (b)\n");
      machine_.crash(console);
      return fail(ErrorKind::kInfrastructure, "the connection broke while `tail` ran");
    };
  }

  os::Path dir_;
  SystemClock clock_;
  FakeMachine machine_;
  FolderArtifacts artifacts_{"/nonexistent"};
  SessionOrder order_;
  std::string release_ = "6.1.192";
  int boot_id_ = 0;
  bool answers_ = true;
  bool kept_made_ = false;
  int broken_reads_ = 0;  ///< of results and kernel log
  Millis boot_limit_{300};
  Millis boot_silence_{300};
  std::function<Result<ShellReply>(const ShellRequest&, std::stop_token)> runner_;
  std::function<Result<ShellReply>(const ShellRequest&, std::stop_token)> other_;
  std::mutex seen_mutex_;
  std::vector<std::string> seen_;
  std::atomic<bool> seen_up_{false}, seen_down_{false};
  void use_store() { artifacts_ = FolderArtifacts(dir_ / "store"); }
};

}  // namespace kiln::agent
