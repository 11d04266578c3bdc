#pragma once
/// One test's own words, taken out of the result folder that its session stored.
#include <string>

#include "kiln/v1/report.pb.h"
#include "lib/blob/blob_store.h"

namespace kiln::controller {

/// Outcome, stdout, stderr and kernel log of `test` in `session`, for people. kNotFound when the
/// session has no such test; a result folder that is gone or damaged is said in the text.
Result<std::string> test_log(const blob::BlobStore& blobs, const v1::Session& session,
                             const std::string& test);

}  // namespace kiln::controller
