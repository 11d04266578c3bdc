#pragma once
/// The two dialects' addresses and bodies. Only for this folder. Pure.
#include <string>

#include "lib/patchwork/patchwork.h"

namespace kiln::patchwork {

std::string patch_checks(const std::string& url, const std::string& patch_id);
std::string freedesktop_results(const std::string& url, const std::string& series,
                                const std::string& revision);
/// JSON.
std::string body_of(const Check& check, Dialect dialect);

}  // namespace kiln::patchwork
