#pragma once
/// A tarball as one git commit.
#include <stop_token>
#include <string>

#include "controller/intake/git.h"

namespace kiln::intake {

/// Writes the tarball's files as a `git fast-import` stream that makes `ref`. The one folder that
/// all names start with is left away. kBadInput for names that leave the tree, device nodes, or
/// more than kMaxTreeBytes; nothing outside `stream` is written.
Status write_import_stream(const os::Path& tarball, const std::string& ref, const os::Path& stream,
                           std::stop_token stop);

inline constexpr uint64_t kMaxTreeBytes = 8ULL << 30;
inline constexpr uint64_t kMaxTreeFiles = 2'000'000;

/// Imports the tarball under `ref`, which afterwards names its commit. Atomic: the ref appears when
/// everything is in the repository.
Status import_tarball(const Git& git, const os::Path& tarball, const std::string& ref,
                      Millis timeout, std::stop_token stop);

}  // namespace kiln::intake
