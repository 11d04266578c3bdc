#pragma once
/// A known issue from the command line's words. Pure.
#include <cstdint>
#include <string>

#include "cli/options.h"
#include "kiln/v1/review.pb.h"
#include "lib/base/result.h"

namespace kiln::cli {

/// Seconds since 1970 when it ends: "2027-01-31" (that day included, UTC), "90d" from now, "never"
/// (0).
Result<int64_t> parse_expiry(const std::string& text, int64_t now);

/// Writes the fields that were given over those of `filter`.
Status fill_filter(const KnownOptions& options, int64_t now, v1::KnownFilter* filter);

}  // namespace kiln::cli
