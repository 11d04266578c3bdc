#include "agent/machine/root_image.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

constexpr uint64_t kNeededBytes = 1'500'000'000;
constexpr Millis kBuildLimit{20 * 60'000};

Result<RootImage> read_image(const os::Path& folder, const std::string& digest) {
  KILN_ASSIGN(const std::string text, os::read_file(folder / "image.json", 1 << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  RootImage image{folder, digest, "", ""};
  if (json.is_object()) {
    image.test_root = json.value("igt_test_root", "/usr/libexec/igt-gpu-tools");
    image.igt_version = json.value("igt_version", "");
  }
  for (const os::Path& file : {image.disk(), image.client_key(), image.host_key()}) {
    if (::access(file.c_str(), R_OK) != 0)
      return fail(ErrorKind::kNotFound, fmt::format("{} is missing", file.string()));
  }
  if (image.test_root.empty())
    return fail(ErrorKind::kNotFound, fmt::format("{}/image.json is damaged", folder.string()));
  return image;
}

}  // namespace

Result<std::string> recipe_digest(const os::Path& recipe) {
  KILN_ASSIGN(const auto files, os::list_files(recipe));
  os::Sha256 hash;
  for (const os::Path& file : files) {
    struct stat info {};
    if (::stat((recipe / file).c_str(), &info) != 0)
      return fail(os::errno_error("read", recipe / file, errno));
    KILN_ASSIGN(const std::string content, os::read_file(recipe / file));
    const bool executable = (info.st_mode & S_IXUSR) != 0;
    hash.update(fmt::format("{} {} {}\n", file.string(), executable ? "x" : "-", content.size()));
    hash.update(content);
  }
  return hash.hex();
}

Result<RootImage> RootImages::ensure(const std::function<void(const std::string&)>& progress,
                                     std::stop_token stop) {
  std::unique_lock lock(mutex_, std::defer_lock);
  for (bool told = false; !lock.try_lock_for(std::chrono::milliseconds(100)); told = true) {
    if (stop.stop_requested())
      return fail(ErrorKind::kCancelled, "stopped while waiting for the root image");
    if (progress && !told) progress("waiting for the root image, which is being made");
  }
  if (::access((recipe_ / "build").c_str(), X_OK) != 0) {
    return fail(ErrorKind::kBadInput,
                fmt::format("no recipe for the root image: {} is not there or not executable",
                            (recipe_ / "build").string()));
  }
  KILN_ASSIGN(const std::string digest, recipe_digest(recipe_));
  const os::Path target = images_ / digest.substr(0, 32);
  if (auto image = read_image(target, digest)) return image;
  KILN_TRY(os::make_dirs(images_));
  KILN_TRY(os::remove_tree(target));
  KILN_TRY(build(target, progress, stop));
  return read_image(target, digest);
}

Status RootImages::build(const os::Path& target,
                         const std::function<void(const std::string&)>& progress,
                         std::stop_token stop) {
  KILN_ASSIGN(const uint64_t free, os::free_bytes(images_));
  if (free < kNeededBytes) {
    return fail(ErrorKind::kNoSpace,
                fmt::format("the root image needs {} in {}, {} are free", human_bytes(kNeededBytes),
                            images_.string(), human_bytes(free)));
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(images_, ignored)) {
    // Left by a process that was killed.
    if (entry.path().filename().string().starts_with(".building-"))
      (void)os::remove_tree(entry.path());
  }
  KILN_ASSIGN(const os::Path work, os::make_temp_dir(images_, ".building-"));
  if (progress) progress("building the root image (1 to 3 minutes, once)");
  os::Command command;
  command.argv = {(recipe_ / "build").string(), work.string()};
  command.timeout = kBuildLimit;
  command.on_line = [&](std::string_view line) {
    if (progress) progress("root image: " + to_valid_utf8(line.substr(0, 200)));
  };
  auto output = os::run_ok(command, stop);
  if (!output) {
    (void)os::remove_tree(work);
    return fail(std::move(output.error()).while_doing("while building the root image"));
  }
  if (::access((work / "image.json").c_str(), R_OK) != 0) {
    (void)os::remove_tree(work);
    return fail(ErrorKind::kInfrastructure,
                fmt::format("`{}` ended well but left no image.json", shell_join(command.argv)));
  }
  if (::rename(work.c_str(), target.c_str()) != 0) {
    const int error = errno;
    (void)os::remove_tree(work);
    return fail(os::errno_error("move the root image to", target, error));
  }
  return {};
}

}  // namespace kiln::agent
