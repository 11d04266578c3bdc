/// Reading a result directory that a real igt_runner wrote.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "lib/igt/results.h"
#include "lib/os/process.h"

namespace kiln::igt {
namespace {

/// lib/igt/testdata/NAME.tar.gz unpacked, gone afterwards.
class Unpacked {
 public:
  explicit Unpacked(const std::string& name) {
    auto folder = os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-bench-");
    if (!folder) return;
    folder_ = *folder;
    os::Command tar;
    tar.argv = {"tar", "-xzf",
                std::string(KILN_SOURCE_DIR) + "/lib/igt/testdata/" + name + ".tar.gz", "-C",
                folder_.string()};
    if (!os::run_ok(tar)) return;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) results_ = entry.path();
    if (!std::filesystem::is_directory(results_)) results_ = folder_;
  }
  ~Unpacked() { (void)os::remove_tree(folder_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  [[nodiscard]] const os::Path& results() const { return results_; }

 private:
  os::Path folder_;
  os::Path results_;
};

void read(benchmark::State& state, const std::string& name) {
  const Unpacked directory(name);
  size_t tests = 0;
  for (auto unused : state) {
    const auto results = read_results(directory.results());
    if (!results || results->tests.empty()) {
      state.SkipWithError("the result directory could not be read");
      return;
    }
    tests += results->tests.size();
  }
  state.SetItemsProcessed(static_cast<int64_t>(tests));
}
BENCHMARK_CAPTURE(read, whole, "complete")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, after_a_panic, "killed-by-panic")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, all_outcomes, "all-outcomes")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::igt
