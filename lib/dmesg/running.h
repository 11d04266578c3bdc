#pragma once
/// Which test runs, told by the marks that IGT writes into the kernel's log:
///   [IGT] gem_pread: executing
///   [IGT] gem_pread: starting subtest basic
///   [IGT] gem_pread: starting dynamic subtest rcs0
///   [IGT] gem_pread: finished subtest basic, SUCCESS
///   [IGT] gem_pread: exiting, ret=0
/// Pure.
#include <optional>
#include <string>
#include <string_view>

namespace kiln::dmesg {

class RunningTest {
 public:
  /// One line's message, in the log's order.
  void feed(std::string_view text, std::optional<double> time);
  /// igt@binary[@subtest[@dynamic]], lower case as in results; "" when none runs or just ran.
  /// A line within two seconds of the last exit still belongs to the test that exited.
  [[nodiscard]] std::string at(std::optional<double> time) const;
  /// Whether at() names a test that has exited.
  [[nodiscard]] bool exited() const { return exited_; }

 private:
  std::string binary_;
  std::string subtest_;
  std::string dynamic_;
  bool exited_ = false;
  std::optional<double> exit_time_;
};

}  // namespace kiln::dmesg
