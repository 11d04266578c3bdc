#pragma once
/// Which test a kernel report belongs to, told by the marks that IGT writes into the kernel's log:
///   [IGT] gem_pread: executing
///   [IGT] gem_pread: starting subtest basic
///   [IGT] gem_pread: starting dynamic subtest rcs0
///   [IGT] gem_pread: finished subtest basic, SUCCESS
///   [IGT] gem_pread: exiting, ret=0
/// and by the name of the process that the report names. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace kiln::dmesg {

struct Owner {
  std::string test;   ///< igt@binary[@subtest[@dynamic]], lower case as in results; "" = nobody
  bool late = false;  ///< the test had ended already
};

class RunningTest {
 public:
  /// One line's message, in the log's order.
  void feed(std::string_view text, std::optional<double> time);

  /// Whose a report is that comes now. `comm` is the process that it names (cut by the kernel to 15
  /// bytes), "" = none; `in_task` is false when it comes from an interrupt.
  /// - The process of the test before this one: that test's, late.
  /// - A kernel thread or an interrupt, within 20 ms of a test's start: what the one before left
  ///   behind, late.
  /// - Within two seconds of the last test's exit: that test's, late.
  [[nodiscard]] Owner owner(std::optional<double> time, std::string_view comm, bool in_task) const;

 private:
  struct Window {
    std::string binary;
    std::string subtest;
    std::string dynamic;
    std::optional<double> start;
    std::optional<double> end;
    bool ended = false;
    bool exited = false;
    [[nodiscard]] std::string name() const;
  };

  void begin(Window next);

  Window now_;
  Window before_;
};

/// The process that a report names: `Comm: gem_pread`, `[gem_pread:412]`, `in gem_pread [412]`,
/// ...;
/// "" when it names none.
std::string comm_of(std::string_view report_text);

}  // namespace kiln::dmesg
