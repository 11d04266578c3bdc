#include "agent/machine/root_image.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using Steady = std::chrono::steady_clock;

constexpr uint64_t kNeededBytes = 1'500'000'000;
constexpr uint64_t kFull = 16'000'000;  ///< with less free, a build that failed had no space
constexpr const char* kFreeSome =
    "free some space there, or name another data folder with --data-dir; then start again";
constexpr Millis kBuildLimit{20 * 60'000};
constexpr Millis kTellEvery{1'000};
constexpr size_t kMaxLog = 16 << 20;
/// Images removed in one go: a bound for a folder that somebody filled.
constexpr int kMaxRemoved = 32;
constexpr size_t kNameLength = 32;

Result<RootImage> read_image(const os::Path& folder, const std::string& digest) {
  KILN_ASSIGN(FolderUse use, FolderUse::shared(folder));
  KILN_ASSIGN(const std::string text, os::read_file(folder / "image.json", 1 << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  RootImage image{folder, digest, "", "", std::make_shared<const FolderUse>(std::move(use))};
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

std::vector<os::Path> entries(const os::Path& folder) {
  std::vector<os::Path> out;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    out.push_back(at->path());
  return out;
}

bool is_image_name(const std::string& name) {
  return name.size() == kNameLength &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// "downloading packages 3/62" and "... 4/62" are one step.
std::string step_of(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return (c >= '0' && c <= '9') || c == '/'; });
  return out;
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

ImageNews RootImages::news() {
  return *news_.lock();
}

void RootImages::tell(ImageNews news) {
  {
    auto now = news_.lock();
    if (*now == news) return;
    *now = news;
  }
  if (watcher_) watcher_(news);
}

std::optional<RootImage> RootImages::look() {
  const auto digest = recipe_digest(recipe_);
  if (!digest) return std::nullopt;
  auto image = read_image(images_ / digest->substr(0, kNameLength), *digest);
  if (!image) return std::nullopt;
  const ImageNews now = news();
  if (now.state != ImageNews::State::kReady || now.igt_version != image->igt_version)
    tell({ImageNews::State::kReady, "", image->igt_version});
  return std::move(*image);
}

Status RootImages::wait_turn(std::unique_lock<std::timed_mutex>& lock, const Progress& progress,
                             const std::stop_token& stop) {
  std::string told;
  while (!lock.try_lock_for(std::chrono::milliseconds(100))) {
    if (stop.stop_requested())
      return fail(ErrorKind::kCancelled, "stopped while waiting for the root image");
    const ImageNews now = news();
    std::string text = "waiting for the root image, which is being made";
    if (!told.empty() && now.state == ImageNews::State::kMaking) text = now.text;
    if (progress && text != told) progress(text);
    told = std::move(text);
  }
  return {};
}

Result<RootImage> RootImages::ensure(const Progress& progress, std::stop_token stop) {
  std::unique_lock lock(mutex_, std::defer_lock);
  KILN_TRY(wait_turn(lock, progress, stop));
  if (::access((recipe_ / "build").c_str(), X_OK) != 0) {
    Error error(ErrorKind::kBadInput,
                fmt::format("no recipe for the root image: {} is not there or not executable",
                            (recipe_ / "build").string()));
    tell({ImageNews::State::kBroken, render(error), ""});
    return fail(std::move(error));
  }
  if (auto image = look()) return std::move(*image);
  KILN_ASSIGN(const std::string digest, recipe_digest(recipe_));
  if (const auto before = failed_.find(digest); before != failed_.end())
    return fail(Error(before->second));
  auto image = make(digest, progress, stop);
  if (image) return image;
  if (image.error().kind == ErrorKind::kCancelled) {
    tell({});
    return image;
  }
  failed_[digest] = image.error();
  tell({ImageNews::State::kBroken, render(image.error()), ""});
  return image;
}

Result<RootImage> RootImages::make(const std::string& digest, const Progress& progress,
                                   std::stop_token stop) {
  const os::Path target = images_ / digest.substr(0, kNameLength);
  KILN_TRY(os::make_dirs(images_));
  KILN_TRY(os::remove_tree(target));
  std::string step;
  Steady::time_point told{};
  const auto say = [&](const std::string& text) {
    const auto now = Steady::now();
    if (step_of(text) == step && now - told < kTellEvery) return;
    step = step_of(text);
    told = now;
    tell({ImageNews::State::kMaking, text, ""});
    if (progress) progress(text);
  };
  KILN_TRY(build(target, say, stop));
  KILN_ASSIGN(RootImage image, read_image(target, digest));
  remove_others(target);
  tell({ImageNews::State::kReady, "the root image is ready", image.igt_version});
  return image;
}

Status RootImages::build(const os::Path& target, const Progress& progress, std::stop_token stop) {
  KILN_ASSIGN(const uint64_t free, os::free_bytes(images_));
  if (free < kNeededBytes) {
    return fail(Error(ErrorKind::kNoSpace,
                      fmt::format("the root image needs {} in {}, {} are free",
                                  human_bytes(kNeededBytes), images_.string(), human_bytes(free)))
                    .with_hint(kFreeSome));
  }
  remove_leftovers();
  KILN_ASSIGN(const os::Path work, os::make_temp_dir(images_, ".building-"));
  progress("building the root image (1 to 3 minutes, once)");
  std::string said;
  os::Command command;
  command.argv = {(recipe_ / "build").string(), work.string()};
  command.timeout = kBuildLimit;
  command.on_line = [&](std::string_view line) {
    if (said.size() < kMaxLog) said.append(line).append("\n");
    progress("root image: " + to_valid_utf8(line.substr(0, 200)));
  };
  auto output = os::run_ok(command, stop);
  Error error;
  if (!output) {
    error = std::move(output.error()).while_doing("while building the root image");
  } else if (::access((work / "image.json").c_str(), R_OK) != 0) {
    error = Error(ErrorKind::kInfrastructure,
                  fmt::format("`{}` ended well but left no image.json", shell_join(command.argv)));
  } else if (::rename(work.c_str(), target.c_str()) != 0) {
    error = os::errno_error("move the root image to", target, errno);
  } else {
    return {};
  }
  const auto left = os::free_bytes(images_);  // before what is half made goes
  if (error.kind != ErrorKind::kCancelled) error = keep_log(std::move(error), work, target, said);
  (void)os::remove_tree(work);
  // The tools of the recipe say it in many ways; what is left says it in one.
  if (error.kind == ErrorKind::kNoSpace ||
      (error.kind != ErrorKind::kCancelled && left && *left < kFull)) {
    error.kind = ErrorKind::kNoSpace;
    error.message = fmt::format("no space left for the root image in {} ({} free): {}",
                                images_.string(), human_bytes(left.value_or(0)), error.message);
    error.hint = kFreeSome;
  }
  return fail(std::move(error));
}

Error RootImages::keep_log(Error error, const os::Path& work, const os::Path& target,
                           const std::string& said) {
  const os::Path log = images_ / fmt::format("failed-{}.log", target.filename().string());
  std::string text = os::read_file(work / "build.log", kMaxLog).value_or("");
  text += said;
  error.hint = "mend what it says and start again; it is not tried again before that";
  if (const Status kept = os::write_atomic(log, text))
    error.context.push_back(fmt::format("the whole log: {}", log.string()));
  return error;
}

/// What a process that was killed left, and the logs of failures before.
void RootImages::remove_leftovers() {
  for (const os::Path& entry : entries(images_)) {
    const std::string name = entry.filename().string();
    const bool log = name.starts_with("failed-") && name.ends_with(".log");
    if (log || name.starts_with(".building-") || name.starts_with(".removing-"))
      (void)os::remove_tree(entry);
  }
}

void RootImages::remove_others(const os::Path& keep) {
  int removed = 0;
  for (const os::Path& folder : entries(images_)) {
    if (folder == keep || !is_image_name(folder.filename().string())) continue;
    const auto sole = FolderUse::sole(folder);
    if (!sole || ++removed > kMaxRemoved) continue;
    // First out of the way: half an image must not be found under its name.
    const os::Path away = images_ / (".removing-" + folder.filename().string());
    if (::rename(folder.c_str(), away.c_str()) == 0) (void)os::remove_tree(away);
  }
}

}  // namespace kiln::agent
