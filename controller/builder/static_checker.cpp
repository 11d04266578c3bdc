#include "controller/builder/static_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "controller/builder/profile.h"
#include "controller/builder/static_cache.h"
#include "lib/base/text.h"
#include "lib/statics/checkpatch.h"
#include "lib/statics/symbols.h"
#include "lib/statics/tool_output.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpatchFile = "scripts/checkpatch.pl";
constexpr uint64_t kMaxStackUsage = 8 << 20;
constexpr size_t kMaxSizes = 32u << 20;
constexpr size_t kMaxComplaints = 8u << 20;
constexpr Millis kCheckpatchLimit{120'000};
/// A series that touches a header of half the kernel is looked at in so many objects a patch.
constexpr size_t kMostObjects = 64;

std::string with_extension(const std::string& object, const char* extension) {
  return object.substr(0, object.rfind('.')) + extension;
}

/// What a compiler that is not trusted left behind, when it is a plain file.
Result<std::string> read_plain(const os::Path& path, uint64_t max_bytes) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() != fs::file_type::regular)
    return fail(ErrorKind::kNotFound, fmt::format("{} is no file", path.string()));
  return os::read_file(path, max_bytes);
}

}  // namespace

StaticChecker::StaticChecker(const KernelMake& make, const TreeStore& trees,
                             const ObjectStore& objects, std::string toolchain, os::Path cache,
                             os::Path scratch)
    : make_(make),
      trees_(trees),
      objects_(objects),
      toolchain_(std::move(toolchain)),
      cache_(std::move(cache)),
      scratch_(std::move(scratch)) {}

void StaticChecker::note(std::string text) {
  side_.notes.push_back(std::move(text));
}

Result<Millis> StaticChecker::time_left() const {
  const auto spent =
      std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_);
  if (spent >= request_->timeout)
    return fail(ErrorKind::kTimeout, fmt::format("the static checks did not end within {}",
                                                 human_duration(request_->timeout)));
  return request_->timeout - spent;
}

Result<SourceView> StaticChecker::view(size_t state) const {
  return trees_.view(request_->states[state].tree_id, state == 0 ? "" : request_->states[0].tree_id,
                     stop_);
}

Result<os::Exit> StaticChecker::call(MakeCall call) {
  KILN_ASSIGN(const Millis left, time_left());
  call.timeout = std::min(call.timeout, left);
  call.memory_bytes = request_->memory_bytes;
  call.arch = request_->arch;
  call.background = true;
  if (call.objects.empty()) {
    call.objects = temp_->path();
    call.objects_writable = false;
  }
  return make_.run(call, stop_);
}

Result<statics::Side> StaticChecker::check(const StaticRequest& request, std::stop_token stop) {
  request_ = &request;
  stop_ = std::move(stop);
  started_ = std::chrono::steady_clock::now();
  side_ = {};
  side_.config = request.config;
  if (request.states.size() != request.patches.size() + 1)
    return fail(ErrorKind::kInternal, "the static checks were given no state for each patch");
  KILN_ASSIGN(os::TempFolder temp, os::TempFolder::make(scratch_, "statics-"));
  temp_.emplace(std::move(temp));
  KILN_TRY(find_tools());
  KILN_TRY(find_objects());
  statics::State before;
  if (compiles_) {
    KILN_ASSIGN(before, measure(0));
  }
  for (size_t k = 1; k <= request.patches.size(); ++k) {
    statics::State after;
    if (compiles_) {
      KILN_ASSIGN(after, measure(k));
    }
    const int patch = static_cast<int>(k);
    statics::compare(patch, before, after, request.patches[k - 1].added, &side_);
    std::vector<std::string>& tools = side_.patches.back().tools;
    if (!after.empty()) tools.emplace_back(statics::kCompiler);
    if (!after.empty() && !sparse_.empty()) tools.emplace_back(statics::kSparse);
    for (auto& [name, object] : after) before[name] = std::move(object);
    if (checkpatch_) KILN_TRY(run_checkpatch(patch));
  }
  (void)StaticCache(cache_).collect();  // a cache that cannot be cleaned is no failure
  return std::move(side_);
}

Status StaticChecker::find_tools() {
  KILN_ASSIGN(const SourceView source, view(0));
  checkpatch_ = is_there(source, kCheckpatchFile);
  if (!checkpatch_) note(fmt::format("checkpatch: the source has no {}", kCheckpatchFile));
  compiles_ = objects_.find(request_->base_key).has_value();
  if (!compiles_) {
    note("compiler and sparse: the baseline's objects are not there to start from");
    return {};
  }
  MakeCall version;
  version.source = source;
  version.argv = {"sh", "-c", "command -v sparse >/dev/null && sparse --version"};
  version.on_line = [this](std::string_view line) {
    if (sparse_.empty()) sparse_ = to_valid_utf8(line.substr(0, 200));
  };
  KILN_ASSIGN(const os::Exit exit, call(version));
  if (!exit.ok()) sparse_.clear();
  if (sparse_.empty()) note("sparse: it is not installed (apt-get install sparse)");
  return {};
}

/// Which objects each patch is in, by the dependencies that the builds recorded.
Status StaticChecker::find_objects() {
  if (!compiles_) return {};
  touched_.assign(request_->states.size(), {});
  // New files are made into objects by the whole series' build alone.
  const std::string& known =
      objects_.find(request_->last_key).has_value() ? request_->last_key : request_->base_key;
  for (size_t k = 1; k < touched_.size(); ++k) {
    KILN_ASSIGN(const ProfilePlan plan,
                plan_objects(objects_.objects(known), request_->patches[k - 1].files));
    for (const auto& [path, file] : plan.files) {
      const bool is_code = path.ends_with(".c") || path.ends_with(".h") || path.ends_with(".S");
      if (is_code && file.objects.empty())
        note(fmt::format("{} (patch {}) is in no object of {}", path, k, request_->config));
      size_t taken = 0;
      for (const std::string& object : file.objects) {
        if (touched_[k].size() >= kMostObjects) break;
        touched_[k].insert(object);
        ++taken;
      }
      const size_t left = file.objects.size() - taken + static_cast<size_t>(file.left_out);
      if (left > 0)
        note(fmt::format("{} (patch {}) is in {} more objects that were not looked at", path, k,
                         left));
    }
    touched_[0].insert(touched_[k].begin(), touched_[k].end());
  }
  return {};
}

/// Those of the state's objects that have a source there.
Result<std::vector<std::string>> StaticChecker::objects_at(size_t state,
                                                           const SourceView& source) const {
  std::vector<std::string> out;
  for (const std::string& object : touched_[state])
    if (is_there(source, with_extension(object, ".c")) ||
        is_there(source, with_extension(object, ".S")))
      out.push_back(object);
  return out;
}

Result<statics::State> StaticChecker::measure(size_t state) {
  KILN_ASSIGN(const SourceView source, view(state));
  KILN_ASSIGN(const std::vector<std::string> objects, objects_at(state, source));
  if (objects.empty()) return statics::State();
  const StaticState& wanted = request_->states[state];
  const StaticCache cache(cache_);
  const std::string key = os::sha256_hex(
      join(std::vector<std::string>{"kiln-statics-1", toolchain_, sparse_, request_->arch,
                                    wanted.tree_id, os::sha256_hex(wanted.config_text),
                                    join(objects, " ")},
           "|"));
  if (auto found = cache.find(key)) return std::move(*found);
  KILN_ASSIGN(statics::State made, make_state(state, objects));
  KILN_TRY(cache.put(key, made));
  return made;
}

/// A copy of the baseline's objects, with the state's configuration.
Status StaticChecker::prepare_objects(const StaticState& state) {
  const os::Path copy = temp_->path() / "obj";
  if (!fs::exists(copy)) KILN_TRY(objects_.clone(request_->base_key, temp_->path(), stop_));
  const os::Path config = copy / ".config";
  const auto now = os::read_file(config);
  if (now && *now == state.config_text) return {};
  return os::write_atomic(config, state.config_text);
}

Result<statics::State> StaticChecker::make_state(size_t number,
                                                 const std::vector<std::string>& objects) {
  KILN_TRY(prepare_objects(request_->states[number]));
  // After the copy: what differs from the baseline is newer than its objects.
  MakeCall make;
  KILN_ASSIGN(make.source, view(number));
  make.objects = temp_->path() / "obj";
  for (const std::string& object : objects)
    for (const std::string& name : {object, with_extension(object, ".su")})
      KILN_TRY(os::remove_tree(make.objects / name));
  make.targets = {fmt::format("-j{}", make_.jobs()), "--output-sync=target", "--keep-going", "W=1",
                  // A kernel that takes warnings for errors would stop at the first.
                  "KCFLAGS=-fstack-usage -Wno-error"};
  if (!sparse_.empty()) make.targets.insert(make.targets.end(), {"C=1", "CHECK=sparse"});
  make.targets.insert(make.targets.end(), objects.begin(), objects.end());
  statics::ToolOutput output(kSourceInside, kObjectsInside);
  bool no_space = false;
  make.on_line = [&](std::string_view line) {
    no_space = no_space || line.find("No space left on device") != std::string_view::npos;
    output.line(line);
  };
  KILN_ASSIGN(const os::Exit exit, call(make));
  output.end();
  if (no_space) return fail(os::errno_error("write", make.objects, ENOSPC));
  if (exit.signal != 0)
    return fail(ErrorKind::kInfrastructure, "the compiler was killed, probably for memory");
  statics::State state;
  std::vector<std::string> made;
  for (const std::string& object : objects) {
    statics::ObjectState& now = state[object];
    if (const auto found = output.compiler().find(object); found != output.compiler().end())
      now.warnings = found->second;
    if (const auto found = output.sparse().find(object); found != output.sparse().end())
      now.sparse = found->second;
    if (fs::exists(fs::symlink_status(make.objects / object))) {
      made.push_back(object);
      continue;
    }
    const auto error = output.errors().find(object);
    now.error = error == output.errors().end() ? "make does not make it" : error->second;
  }
  KILN_TRY(read_sizes(made, &state));
  return state;
}

Status StaticChecker::read_sizes(const std::vector<std::string>& objects, statics::State* state) {
  if (objects.empty()) return {};
  const os::Path folder = temp_->path() / "obj";
  std::string listed;
  MakeCall nm;
  nm.objects = folder;
  nm.objects_writable = false;
  KILN_ASSIGN(nm.source, view(0));
  nm.argv = {"nm", "-A", "-S", "--defined-only"};
  nm.argv.insert(nm.argv.end(), objects.begin(), objects.end());
  nm.on_line = [&](std::string_view line) {
    if (listed.size() < kMaxSizes) listed.append(line).append("\n");
  };
  KILN_TRY(call(nm));
  const auto sizes = statics::read_nm(listed);
  for (const std::string& object : objects) {
    std::map<std::string, statics::Symbol>& symbols = (*state)[object].symbols;
    if (const auto found = sizes.find(object); found != sizes.end())
      for (const auto& [name, size] : found->second) symbols[name].size = size;
    const auto usage = read_plain(folder / with_extension(object, ".su"), kMaxStackUsage);
    if (!usage) continue;  // assembly has none
    for (const auto& [name, bytes] : statics::read_stack_usage(*usage)) {
      const auto symbol = symbols.find(name);
      if (symbol != symbols.end()) symbol->second.stack = bytes;
    }
  }
  return {};
}

Status StaticChecker::run_checkpatch(int patch) {
  const os::Path folder = temp_->path() / fmt::format("patch-{}", patch);
  KILN_TRY(os::make_dirs(folder));
  KILN_TRY(os::write_atomic(folder / "patch", request_->patches[patch - 1].mail));
  KILN_TRY(make_.sandbox().give(folder));
  std::string said;
  MakeCall perl;
  KILN_ASSIGN(perl.source, view(0));
  perl.out = folder;
  perl.cwd = kOutInside;
  perl.argv = {"perl", std::string(kSourceInside) + "/" + kCheckpatchFile};
  for (std::string& option : split(statics::kCheckpatchOptions, ' '))
    perl.argv.push_back(std::move(option));
  perl.argv.emplace_back("patch");
  perl.timeout = kCheckpatchLimit;
  perl.on_line = [&](std::string_view line) {
    if (said.size() < kMaxComplaints) said.append(line).append("\n");
  };
  const auto exit = call(perl);
  if (!exit && exit.error().kind != ErrorKind::kTimeout) return fail(exit.error());
  // 1 is its answer when it has something to say.
  if (!exit || exit->code < 0 || exit->code > 1) {
    const std::string first = said.substr(0, said.find('\n'));
    note(fmt::format("checkpatch of patch {} failed: {}", patch,
                     exit ? to_valid_utf8(first) : exit.error().message));
    return {};
  }
  side_.patches.back().tools.emplace_back(statics::kCheckpatch);
  statics::add_checkpatch(patch, statics::read_checkpatch(said), &side_);
  return {};
}

}  // namespace kiln::builder
