#pragma once
/// Patterns over a stream of console bytes, whatever the chunks' borders and bytes are.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::agent {

struct Pattern {
  std::string name{};   ///< "panic"
  std::string regex{};  ///< RE2, over bytes (Latin-1), within one line
};

struct PatternHit {
  size_t pattern = 0;  ///< its index
  std::string line{};  ///< raw, without its end; what had come of it when it is unfinished
};

/// One thread at a time. A pattern is told once a line.
class PatternWatch {
 public:
  using Sink = std::function<void(const PatternHit&)>;
  /// kBadInput with the pattern's name.
  static Result<std::unique_ptr<PatternWatch>> create(const std::vector<Pattern>& patterns,
                                                      Sink sink);
  ~PatternWatch();
  void feed(std::string_view bytes);
  /// Nothing came for a while: the unfinished line is looked at, too ("Press F1 to continue").
  void quiet();

 private:
  struct Impl;
  explicit PatternWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What kernels and firmware say when they are in trouble or wait for somebody.
std::vector<Pattern> console_patterns();

}  // namespace kiln::agent
