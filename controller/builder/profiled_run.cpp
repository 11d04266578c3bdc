/// The part of a BuildRun that makes a kernel which counts its lines.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "controller/builder/build_run.h"
#include "controller/builder/profile.h"
#include "lib/base/text.h"
#include "lib/reach/gcov.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxPreprocessed = 64 << 20;
/// A header's lines are looked at in so many of the objects that include it.
constexpr size_t kMaxPreprocessedOfFile = 4;

std::string without_extension(const std::string& object) {
  return object.substr(0, object.rfind('.'));
}

json to_json(const reach::LineSet& lines) {
  json out = json::array();
  for (const auto& [first, last] : lines.ranges()) out.push_back({first, last});
  return out;
}

}  // namespace

/// Instruments the series' objects in a clone of a kernel of the same configuration. What the
/// series touches is compiled for the first time here, so that its own dependencies are known
/// afterwards: a file that is new, or newly included, takes a second round.
Status BuildRun::make_profiled() {
  MakeCall make;
  make.targets = {fmt::format("-j{}", make_.jobs()), "--output-sync=target"};
  if (!base_) {
    KILN_TRY(judge(call(make, "compile"), "building the kernel"));
    if (failed()) return {};
  }
  const std::vector<std::string>& touched = request_.input.profiled;
  const SourceView plain = source_;
  ProfilePlan plan;
  for (int round = 0; round < 2; ++round) {
    KILN_ASSIGN(ProfilePlan found, plan_profile(temp_ / "obj", plain, touched));
    if (round > 0 && found.objects == plan.objects) break;
    plan = std::move(found);
    source_ = plain;
    KILN_ASSIGN(const auto makefiles, profile_makefiles(plan, plain, temp_ / "makefiles"));
    source_.overlays.insert(source_.overlays.end(), makefiles.begin(), makefiles.end());
    KILN_TRY(make_with_counts(make));
    if (failed()) return {};
  }
  carry_warnings();
  return keep_counts(plan);
}

/// Exact counts first; code that needs early optimisation to compile gets the kernel's own flags.
Status BuildRun::make_with_counts(const MakeCall& make) {
  MakeCall exact = make;
  if (exact_counts_) exact.targets.emplace_back(kExactCounts);
  KILN_TRY(judge(call(exact, "compile"), "building the kernel that counts"));
  if (!failed() || !exact_counts_) return {};
  record_.notes.push_back("exact counts do not build here (" + record_.error +
                          "): statements that are inlined or folded may have none");
  record_.state = "built";
  record_.error.clear();
  parser_ = kernel::OutputParser(kSourceInside, kObjectsInside);
  exact_counts_ = false;
  return make_with_counts(make);
}

/// Packs what reading the counters takes: gcc's notes on each object, and which lines of the
/// touched files the preprocessor left.
Status BuildRun::keep_counts(const ProfilePlan& plan) {
  const os::Path folder = temp_ / "coverage";
  std::set<std::string> measured;
  for (const std::string& object : plan.objects) {
    const std::string notes = without_extension(object) + ".gcno";
    std::error_code error;
    if (!fs::exists(temp_ / "obj" / notes, error)) continue;
    const os::Path target = folder / "gcno" / notes;
    KILN_TRY(os::make_dirs(target.parent_path()));
    fs::copy_file(temp_ / "obj" / notes, target, error);
    if (error) return fail(os::errno_error("copy", temp_ / "obj" / notes, error.value()));
    measured.insert(object);
  }
  KILN_ASSIGN(const auto compiled, preprocess(plan));
  json files = json::object();
  for (const auto& [path, file] : plan.files) {
    json objects = json::array();
    for (const std::string& object : file.objects)
      if (measured.contains(object)) objects.push_back(object);
    const auto lines = compiled.find(path);
    files[path] = {{"objects", objects},
                   {"left_out", file.left_out + static_cast<int>(file.objects.size()) -
                                    static_cast<int>(objects.size())},
                   {"compiled", lines == compiled.end() ? json::array() : to_json(lines->second)}};
  }
  std::vector<std::string> notes = plan.notes;
  notes.insert(notes.end(), record_.notes.begin(), record_.notes.end());
  const json index = {{"files", files}, {"notes", notes}};
  KILN_TRY(os::make_dirs(folder));
  KILN_TRY(os::write_atomic(folder / "index.json",
                            index.dump(1, ' ', false, json::error_handler_t::replace) + "\n"));
  const os::Path packed = temp_ / "coverage.tar.zst";
  KILN_TRY(pack_folder(folder, packed, stop_));
  KILN_ASSIGN(record_.coverage_digest, sink_.put_file(packed));
  return {};
}

/// Which lines of each touched file are left for the compiler, by file. A file that cannot be told
/// is left out: then nothing is claimed of it.
Result<std::map<std::string, reach::LineSet>> BuildRun::preprocess(const ProfilePlan& plan) {
  reach::Wanted wanted{kSourceInside, {}};
  std::set<std::string> targets;
  for (const auto& [path, file] : plan.files) {
    wanted.files.insert(path);
    for (size_t i = 0; i < file.objects.size() && i < kMaxPreprocessedOfFile; ++i)
      targets.insert(without_extension(file.objects[i]) + ".i");
  }
  std::map<std::string, reach::LineSet> lines;
  if (targets.empty()) return lines;
  MakeCall make;
  make.targets = {"-s", fmt::format("-j{}", make_.jobs()), "--keep-going"};
  make.targets.insert(make.targets.end(), targets.begin(), targets.end());
  KILN_ASSIGN(const os::Exit exit, call(make, "compile"));
  if (!exit.ok()) record_.notes.emplace_back("what the preprocessor leaves out is not known");
  for (const std::string& target : targets) {
    const auto text = os::read_file(temp_ / "obj" / target, kMaxPreprocessed);
    if (!text) continue;
    for (const auto& [path, found] : reach::compiled_lines(*text, wanted)) lines[path].add(found);
  }
  return lines;
}

}  // namespace kiln::builder
