#include "cli/paths.h"

#include <cstdlib>

namespace kiln::cli {
namespace {

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<std::filesystem::path> xdg(const char* variable, const char* below_home) {
  if (const std::string base = env(variable); !base.empty() && base[0] == '/')
    return std::filesystem::path(base);
  const std::string home = env("HOME");
  if (home.empty()) {
    return fail(Error(ErrorKind::kBadInput, "neither HOME nor " + std::string(variable) + " is set")
                    .with_hint("name a data folder with --data-dir"));
  }
  return std::filesystem::path(home) / below_home;
}

std::filesystem::path absolute(const std::filesystem::path& path) {
  std::error_code code;
  auto full = std::filesystem::absolute(path, code);
  return code ? path : full.lexically_normal();
}

bool is_home(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::is_directory(path / "images", code) &&
         std::filesystem::is_directory(path / "kernel-configs", code);
}

}  // namespace

Result<std::filesystem::path> data_dir(const std::string& option) {
  if (!option.empty()) return absolute(option);
  if (const std::string value = env("KILN_DATA_DIR"); !value.empty()) return absolute(value);
  KILN_ASSIGN(const auto base, xdg("XDG_DATA_HOME", ".local/share"));
  return base / "kiln";
}

Result<std::filesystem::path> ccache_dir() {
  if (const std::string value = env("KILN_CCACHE_DIR"); !value.empty()) return absolute(value);
  KILN_ASSIGN(const auto base, xdg("XDG_CACHE_HOME", ".cache"));
  return base / "kiln" / "ccache";
}

Result<std::filesystem::path> patchwork_config_file(const std::string& option) {
  if (!option.empty()) return absolute(option);
  KILN_ASSIGN(const auto base, xdg("XDG_CONFIG_HOME", ".config"));
  return base / "kiln" / "patchwork.yaml";
}

Result<std::filesystem::path> labs_folder() {
  KILN_ASSIGN(const auto base, xdg("XDG_CONFIG_HOME", ".config"));
  return base / "kiln" / "labs";
}

Result<std::filesystem::path> home_dir(const std::string& option) {
  if (!option.empty()) {
    if (is_home(option)) return absolute(option);
    return fail(ErrorKind::kBadInput,
                option + " is not Kiln's folder: images/ or kernel-configs/ is missing");
  }
  std::error_code code;
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe", code);
  for (; !code && at.has_relative_path(); at = at.parent_path())
    if (is_home(at)) return at;
  if (is_home(KILN_SOURCE_DIR)) return std::filesystem::path(KILN_SOURCE_DIR);
  return fail(
      Error(ErrorKind::kNotFound, "Kiln's own folder (images/, kernel-configs/) was not found")
          .with_hint("name it with --home or KILN_HOME"));
}

}  // namespace kiln::cli
