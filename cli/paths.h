#pragma once
/// Where Kiln's data and own files are on this computer.
#include <filesystem>
#include <string>

#include "lib/base/result.h"

namespace kiln::cli {

/// --data-dir, else KILN_DATA_DIR, else $XDG_DATA_HOME/kiln, else ~/.local/share/kiln; absolute.
Result<std::filesystem::path> data_dir(const std::string& option);
/// KILN_CCACHE_DIR, else $XDG_CACHE_HOME/kiln/ccache, else ~/.cache/kiln/ccache: outside the data
/// folder, so that a new data folder starts warm.
Result<std::filesystem::path> ccache_dir();
/// How Patchwork is posted to: `option`, else kiln/patchwork.yaml in the user's XDG config folder.
Result<std::filesystem::path> patchwork_config_file(const std::string& option);
/// kiln/labs in the user's XDG config folder: one file a lab elsewhere.
Result<std::filesystem::path> labs_folder();
/// --home/KILN_HOME, else the checkout that this program was built in or started from.
Result<std::filesystem::path> home_dir(const std::string& option);

}  // namespace kiln::cli
