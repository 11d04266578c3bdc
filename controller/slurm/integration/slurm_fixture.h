#pragma once
/// A data folder, a builder, and an executor on a cluster that all tests of this process share.
#include <gtest/gtest.h>

#include <atomic>

#include "controller/builder/integration/builder_fixture.h"
#include "controller/slurm/integration/cluster.h"
#include "controller/slurm/slurm_executor.h"

namespace kiln::slurm {

using builder::BuildProgress;
using builder::BuildRequest;
using namespace std::chrono_literals;

inline constexpr const char* kChildFolder = "KILN_TEST_CHILD";

/// Compilations of the small kernel: after them it links.
inline constexpr int kUnits = 3;

class SlurmTest : public builder::BuilderTest {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv(kChildFolder) != nullptr) return;  // it uses its parent's
    folder_ = new fs::path(*os::make_temp_dir(fs::temp_directory_path(), "slurm"));
    fs::permissions(*folder_, fs::perms(0755));  // munged insists that all reach its socket
    cluster_ = new Cluster(*folder_ / "cluster");
    ASSERT_TRUE(cluster_->wait_until_up()) << cluster_->log("slurmctld") << cluster_->log("node1");
  }
  static void TearDownTestSuite() {
    if (cluster_ == nullptr) return;
    delete cluster_;
    (void)os::remove_tree(*folder_);
    delete folder_;
  }

  void SetUp() override {
    BuilderTest::SetUp();
    slurm_.shared = dir_ / "data";
    slurm_.scratch = dir_ / "scratch";
    slurm_.worker = {KILN_TEST_WORKER};
    slurm_.version = "test";
    slurm_.free_needed = 0;
    slurm_.poll = Millis(100);
    slurm_.look_every = Millis(400);
    slurm_.settle = Millis(1'500);
    slurm_.patience = Millis(20'000);
    slurm_.prefer_for = Millis(1'000);
    if (cluster_ == nullptr) return;
    slurm_.env = cluster_->env();
    open_executor();
    newest_before_ = newest();
  }
  void TearDown() override {
    executor_.reset();
    BuilderTest::TearDown();
  }
  void open_executor() {
    executor_.reset();
    auto opened = SlurmExecutor::open(slurm_, *builder_, *sink_, *git_, clock_);
    ASSERT_TRUE(opened) << render(opened.error());
    executor_ = std::move(*opened);
  }

  Result<kernel::BuildRecord> ask(const BuildRequest& request,
                                  const builder::BuildStops& stops = {},
                                  const builder::OnProgress& progress = {}) {
    return executor_->build(request, stops, progress);
  }
  kernel::BuildRecord get(const BuildRequest& request) {
    auto record = ask(request);
    EXPECT_TRUE(record) << render(record.error()) << words_of_jobs();
    return record ? *record : kernel::BuildRecord{};
  }
  /// Ran for this test.
  [[nodiscard]] int jobs() const { return newest() - newest_before_; }
  [[nodiscard]] static int newest() {
    int id = 0;
    for (const std::string& job : cluster_->jobs()) id = std::max(id, std::atoi(job.c_str()));
    return id;
  }
  [[nodiscard]] std::string node_of(const std::string& key) const {
    const auto meta = builder_->objects_of(key);
    return meta ? meta->node : "?";
  }
  [[nodiscard]] std::vector<fs::path> attempts() const {
    std::vector<fs::path> list;
    for (const auto& entry : fs::directory_iterator(slurm_.shared / "builds"))
      if (entry.path().extension() != ".tmp") list.push_back(entry.path());
    std::sort(list.begin(), list.end());
    return list;
  }
  [[nodiscard]] std::string words_of_jobs() const {
    std::string words;
    for (const fs::path& folder : attempts())
      words += os::read_file(folder / "job.log").value_or("");
    return words;
  }

  /// The tree, with a kernel that takes a minute to link.
  std::string slow_tree() {
    std::string makefile = builder::fake_kernel().at("Makefile");
    const std::string link = "@echo \"  LD      vmlinux\"\n";
    const size_t at = makefile.find(link);
    EXPECT_NE(at, std::string::npos);
    makefile.insert(at + link.size(), fmt::format("\t@sleep {}\n", link_seconds_));
    return tree({{"Makefile", makefile}});
  }
  /// A build in another thread, linking by now.
  struct Running {
    std::stop_source stop, leave;
    std::optional<Result<kernel::BuildRecord>> record;
    std::atomic<bool> ended{false};
    std::jthread thread;
    Result<kernel::BuildRecord>& wait() {
      thread.join();
      return *record;
    }
  };
  std::unique_ptr<Running> start(const BuildRequest& request) {
    auto running = std::make_unique<Running>();
    running->thread = std::jthread([this, request, raw = running.get()] {
      raw->record = ask(request, {raw->stop.get_token(), raw->leave.get_token()});
      raw->ended = true;
    });
    return running;
  }
  struct Place {
    std::string node;
    pid_t worker = 0;
  };
  /// Where the newest attempt is linking.
  Place linking(const std::string& restarts = "0") {
    Place place;
    EXPECT_TRUE(within(40s,
                       [&] {
                         for (const fs::path& folder : attempts()) {
                           const auto text = os::read_file(folder / builder::kProgressFile);
                           const auto progress =
                               text ? builder::parse_progress(*text)
                                    : Result<builder::RemoteProgress>(builder::RemoteProgress{});
                           if (!progress || progress->build.compiled < kUnits) continue;
                           for (const auto& entry : fs::directory_iterator(folder)) {
                             const auto parts =
                                 split(entry.path().filename().string(), '-');  // out-NODE-N-PID
                             if (parts.size() == 4 && parts[0] == "out" && parts[2] == restarts &&
                                 progress->node == parts[1])
                               place = {parts[1], std::atoi(parts[3].c_str())};
                           }
                         }
                         return place.worker != 0;
                       }))
        << words_of_jobs() << testing::PrintToString(cluster_->jobs());
    return place;
  }

  static fs::path* folder_;
  static Cluster* cluster_;
  SystemClock clock_;
  SlurmOptions slurm_;
  std::unique_ptr<SlurmExecutor> executor_;
  int newest_before_ = 0;  ///< number of a job
  int link_seconds_ = 60;
};

inline fs::path* SlurmTest::folder_ = nullptr;
inline Cluster* SlurmTest::cluster_ = nullptr;

}  // namespace kiln::slurm
