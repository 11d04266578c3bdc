#pragma once
/// What a make with W=1 and C=1 printed, taken apart by object and tool. Pure.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernel/output.h"

namespace kiln::statics {

/// Reads line by line; expects the output of one object together (make --output-sync=target).
/// Used by one thread at a time.
class ToolOutput {
 public:
  ToolOutput(const std::string& source_root, const std::string& object_root)
      : source_root_(source_root),
        compiler_(source_root, object_root),
        sparse_(source_root, object_root) {}

  void line(std::string_view text);
  /// After the last line.
  void end() { flush(); }

  /// Warnings of the compiler and of kernel-doc, by object.
  [[nodiscard]] const std::map<std::string, std::vector<kernel::Warning>>& compiler() const {
    return compiler_.warnings();
  }
  /// Warnings and errors of sparse, by object.
  [[nodiscard]] const std::map<std::string, std::vector<kernel::Warning>>& sparse() const {
    return sparse_.warnings();
  }
  /// The first error that stopped the compiler, by object.
  [[nodiscard]] const std::map<std::string, std::string>& errors() const { return errors_; }

 private:
  bool step(std::string_view text);
  bool continues(std::string_view text);
  void sparse_line(std::string_view text);
  void flush();
  [[nodiscard]] std::string without_root(const std::string& path) const;

  std::string source_root_;
  kernel::OutputParser compiler_;
  kernel::OutputParser sparse_;
  std::string unit_;  ///< object that is being made
  bool in_sparse_ = false;
  std::string pending_;  ///< sparse's last complaint, which may go on
  std::map<std::string, std::string> errors_;
};

}  // namespace kiln::statics
