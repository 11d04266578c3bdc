#pragma once
/// The names of all IGT tests that a root image holds, so that a job that names others is refused
/// before anything runs.
#include <functional>
#include <stop_token>
#include <string>

#include "agent/machine/root_image.h"
#include "lib/base/result.h"

namespace kiln::agent {

/// The file beside the image with one igt@binary[@subtest] a line; "" when it was not made yet.
os::Path known_igt_inventory(const RootImage& image);

/// The same file, made when it is not there: the image's /usr is unpacked beside it for a moment
/// and its igt_runner asked, without network and as an unprivileged user. Takes about 10 s, once an
/// image. Errors: kNoSpace; kInfrastructure with the command and its last words (a computer that
/// runs no i386 programs, say): then the names are not known, and sessions go on without.
Result<os::Path> igt_inventory(const RootImage& image,
                               const std::function<void(const std::string&)>& progress,
                               std::stop_token stop);

}  // namespace kiln::agent
