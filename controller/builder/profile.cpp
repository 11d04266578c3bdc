#include "controller/builder/profile.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>

#include "controller/builder/kernel_make.h"
#include "lib/base/text.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxDependencies = 8 << 20;
constexpr uint64_t kMaxMakefile = 4 << 20;

/// Programs of the build itself are not part of the kernel.
bool is_host_tool(const std::string& object) {
  return object.starts_with("scripts/") || object.starts_with("tools/") ||
         object.starts_with("usr/") || object.ends_with(".mod.o");
}

std::string command_file(const std::string& object) {
  const size_t slash = object.rfind('/') + 1;  // 0 when there is none
  return object.substr(0, slash) + "." + object.substr(slash) + ".cmd";
}

/// Whether a .cmd file names the source among its dependencies.
bool depends_on(std::string_view command, const std::string& file) {
  const std::string path = std::string(kSourceInside) + "/" + file;
  for (size_t at = command.find(path); at != std::string_view::npos;
       at = command.find(path, at + 1)) {
    const size_t end = at + path.size();
    if (end == command.size() || command[end] == ' ' || command[end] == '\n') return true;
  }
  return false;
}

/// The Makefiles (or Kbuilds) that may be the object's: each folder's upwards, for a Makefile may
/// make objects of its subfolders, and may include theirs.
std::vector<std::string> makefiles_of(const std::string& object, const SourceView& source) {
  std::vector<std::string> found;
  for (fs::path folder = fs::path(object).parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    for (const char* name : {"Kbuild", "Makefile"}) {
      if (!is_there(source, (folder / name).string())) continue;
      found.push_back((folder / name).string());
      break;
    }
  }
  return found;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // the whole when there is no slash
}

bool forbids_profile(const std::string& text, const std::string& object) {
  static const RE2 kRule(R"((?m)^\s*GCOV_PROFILE(?:_(\S+?))?\s*[:?]?=\s*n)");
  re2::StringPiece rest(text);
  std::string of;
  while (RE2::FindAndConsume(&rest, kRule, &of))
    if (of.empty() || of == file_name(object) || object.ends_with("/" + of)) return true;
  return false;
}

/// The .cmd files of all objects, with their texts.
template <typename Visit>
Status for_each_command(const os::Path& objects, Visit visit) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(objects, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    if (!name.starts_with('.') || !name.ends_with(".o.cmd")) continue;
    const auto text = os::read_file(it->path(), kMaxDependencies);
    if (!text) continue;
    const fs::path folder = it->path().parent_path().lexically_relative(objects);
    visit((folder / name.substr(1, name.size() - 5)).lexically_normal().string(), *text);
  }
  if (error) return fail(os::errno_error("read", objects, error.value()));
  return {};
}

/// Objects near the series come first when not all can be measured.
void choose(const std::set<std::string>& folders, ProfilePlan::File* file) {
  std::stable_sort(file->objects.begin(), file->objects.end(),
                   [&](const std::string& a, const std::string& b) {
                     const bool near_a = folders.contains(fs::path(a).parent_path());
                     const bool near_b = folders.contains(fs::path(b).parent_path());
                     return near_a != near_b ? near_a : a < b;
                   });
  if (file->objects.size() <= kMaxObjectsOfFile) return;
  file->left_out = static_cast<int>(file->objects.size() - kMaxObjectsOfFile);
  file->objects.resize(kMaxObjectsOfFile);
}

std::set<std::string> folders_of(const std::vector<std::string>& files) {
  std::set<std::string> folders;
  for (const std::string& file : files) folders.insert(fs::path(file).parent_path());
  return folders;
}

/// Without a bound on how many.
Result<ProfilePlan> find_objects(const os::Path& objects, const std::vector<std::string>& touched) {
  ProfilePlan plan;
  std::vector<std::string> included;
  for (const std::string& file : touched) {
    ProfilePlan::File& entry = plan.files[file];
    const std::string own = file.ends_with(".c") ? file.substr(0, file.size() - 1) + "o" : "";
    const auto command = own.empty() ? Result<std::string>("")
                                     : os::read_file(objects / command_file(own), kMaxDependencies);
    if (command && !own.empty() && !is_host_tool(own) && depends_on(*command, file))
      entry.objects.push_back(own);
    else
      included.push_back(file);
  }
  if (!included.empty())
    KILN_TRY(for_each_command(objects, [&](const std::string& object, const std::string& text) {
      if (is_host_tool(object)) return;
      for (const std::string& file : included)
        if (depends_on(text, file)) plan.files[file].objects.push_back(object);
    }));
  return plan;
}

}  // namespace

os::Path host_path(const SourceView& source, const std::string& path) {
  os::Path found = source.root / path;
  for (const auto& [inside, file] : source.overlays)
    if (inside == path) found = file;
  return found;
}

bool is_there(const SourceView& source, const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(host_path(source, path), error);
}

Result<ProfilePlan> plan_objects(const os::Path& objects, const std::vector<std::string>& touched) {
  KILN_ASSIGN(ProfilePlan plan, find_objects(objects, touched));
  for (auto& [path, file] : plan.files) {
    choose(folders_of(touched), &file);
    plan.objects.insert(file.objects.begin(), file.objects.end());
  }
  return plan;
}

Result<ProfilePlan> plan_profile(const os::Path& objects, const SourceView& source,
                                 const std::vector<std::string>& touched) {
  KILN_ASSIGN(ProfilePlan plan, find_objects(objects, touched));
  for (auto& [path, file] : plan.files) {
    std::erase_if(file.objects, [&](const std::string& object) {
      for (const std::string& makefile : makefiles_of(object, source)) {
        const auto text = os::read_file(host_path(source, makefile), kMaxMakefile);
        if (text && !forbids_profile(*text, object)) continue;
        plan.notes.push_back(fmt::format("{} may not be profiled ({})", object, makefile));
        return true;
      }
      return false;
    });
    choose(folders_of(touched), &file);
    plan.objects.insert(file.objects.begin(), file.objects.end());
  }
  return plan;
}

Result<std::vector<std::pair<std::string, os::Path>>> profile_makefiles(const ProfilePlan& plan,
                                                                        const SourceView& source,
                                                                        const os::Path& folder) {
  std::map<std::string, std::set<std::string>> lines;
  for (const std::string& object : plan.objects) {
    for (const std::string& makefile : makefiles_of(object, source)) {
      // kbuild looks for the object's name without its folder; newer ones for that below theirs.
      const size_t below = makefile.rfind('/') + 1;
      for (const std::string& name : {file_name(object), object.substr(below)})
        lines[makefile].insert(fmt::format("GCOV_PROFILE_{} := y\n", name));
    }
  }
  std::vector<std::pair<std::string, os::Path>> overlays;
  for (const auto& [makefile, added] : lines) {
    KILN_ASSIGN(std::string text, os::read_file(host_path(source, makefile), kMaxMakefile));
    text += "\n";
    for (const std::string& line : added) text += line;
    const os::Path target = folder / makefile;
    KILN_TRY(os::make_dirs(target.parent_path()));
    KILN_TRY(os::write_atomic(target, text));
    overlays.emplace_back(makefile, target);
  }
  return overlays;
}

}  // namespace kiln::builder
