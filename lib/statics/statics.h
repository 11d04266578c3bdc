#pragma once
/// What tools say of each patch of a series without running it: the compiler with W=1, sparse,
/// checkpatch, and how large its functions and their stack frames came out. The rules are
/// docs/static-side.md's. Pure: plain values in, plain values out.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernel/build.h"
#include "lib/series/series.h"

namespace kiln::statics {

inline constexpr const char* kCompiler = "W=1";
inline constexpr const char* kSparse = "sparse";
inline constexpr const char* kCheckpatch = "checkpatch";

/// One thing that a patch brought.
struct Check {
  int patch = 0;      ///< from 1
  std::string tool;   ///< kCompiler | kSparse | kCheckpatch
  std::string level;  ///< "error" | "warning" | "check"
  std::string file;
  int line = 0;  ///< 0 = of no line
  std::string text;
  bool operator==(const Check&) const = default;
};

/// A function or variable that a patch makes larger, or a function's stack frame; bytes.
struct Growth {
  int patch = 0;
  std::string symbol;
  std::string object;
  uint64_t size_before = 0, size_after = 0;
  uint64_t stack_before = 0, stack_after = 0;
  bool operator==(const Growth&) const = default;
};

/// What was looked at for one patch.
struct Coverage {
  int patch = 0;
  std::vector<std::string> tools;
  int objects = 0;  ///< compiled before and after it
  int older = 0;    ///< warnings in these objects that were there before
};

/// A run's static side.
struct Side {
  std::string config;           ///< whose objects were compiled
  std::vector<Check> checks;    ///< by patch, what weighs most first
  std::vector<Growth> growths;  ///< by patch, the largest frames first
  std::vector<Coverage> patches;
  std::vector<std::string> notes;  ///< what was not looked at, and why

  [[nodiscard]] bool empty() const { return patches.empty() && notes.empty(); }
};

/// A symbol of an object, and its frame when it is a function.
struct Symbol {
  uint64_t size = 0;
  uint64_t stack = 0;
  bool operator==(const Symbol&) const = default;
};

/// One object as the tools saw it at one state of the series.
struct ObjectState {
  std::vector<kernel::Warning> warnings;  ///< of the compiler and kernel-doc
  std::vector<kernel::Warning> sparse;
  std::map<std::string, Symbol> symbols;
  std::string error;  ///< why it does not compile, "" = it does
};

/// Objects by name: the series up to one patch, as far as that patch touches it.
using State = std::map<std::string, ObjectState>;

/// Lines that a patch adds, in the files as it leaves them.
using AddedLines = std::map<std::string, std::set<int>>;
AddedLines added_lines(const series::Patch& patch);

/// The patch as checkpatch reads it: a mail.
std::string as_mail(const series::Patch& patch);

/// Growth is listed from here on; what is less comes and goes with the compiler's mood.
inline constexpr uint64_t kListedSize = 64;
inline constexpr uint64_t kListedStack = 32;
/// A frame that becomes larger than this, or grows by so much, is a warning: kernel stacks have 8
/// KiB on 32 bits, and the kernel's own limit of one frame (FRAME_WARN) is 1024 there.
inline constexpr uint64_t kLargeFrame = 1024;
inline constexpr uint64_t kLargeFrameGrowth = 256;
bool is_large(const Growth& growth);

/// No more of them a patch and tool: a series that brings more is understood without.
inline constexpr size_t kMostChecks = 100;
inline constexpr size_t kMostGrowths = 40;

/// What patch `patch` changes, from the objects before and after it; an object that does not
/// compile on one side is noted and not compared. One entry of Side::patches, its checks and
/// growths are added.
void compare(int patch, const State& before, const State& after, const AddedLines& added,
             Side* side);

/// Adds what checkpatch says of one patch.
void add_checkpatch(int patch, std::vector<Check> said, Side* side);

}  // namespace kiln::statics
