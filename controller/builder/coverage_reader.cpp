#include "controller/builder/coverage_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "controller/builder/packing.h"
#include "lib/base/text.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxArtifact = 256ULL << 20;
constexpr uint64_t kMaxUnpacked = 1ULL << 30;
constexpr size_t kMaxSource = 8u << 20;
constexpr uint64_t kMaxAnswers = 512ULL << 20;
constexpr size_t kMaxTakes = 50'000;
constexpr size_t kMaxDistinct = 50'000;
constexpr size_t kMaxName = 300;
constexpr size_t kBatch = 64;                ///< objects a gcov call
constexpr std::string_view kMagic = "adcg";  ///< of a .gcda, little endian
constexpr Millis kGcovLimit{600'000};

/// A name in an archive that stays below its folder.
bool is_inside(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.size() > 500) return false;
  for (const std::string& part : split(path, '/'))
    if (part == ".." || part.empty()) return false;
  return path.find_first_of(" \t\n\"'\\$`*?") == std::string::npos;
}

std::string without_dot(std::string name) {
  while (name.starts_with("./")) name.erase(0, 2);
  return name;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Status read_index(const std::string& text, reach::CellEvidence* cell,
                  std::vector<std::string>* notes) {
  const json index = json::parse(text, nullptr, false);
  try {
    for (const auto& [path, file] : index.at("files").items()) {
      reach::FileEvidence& evidence = cell->files[path];
      evidence.objects = file.at("objects").get<std::vector<std::string>>();
      evidence.objects_left_out = file.at("left_out").get<int>();
      for (const json& range : file.at("compiled"))
        evidence.compiled.add(range.at(0).get<int>(), range.at(1).get<int>());
    }
    for (const json& note : index.at("notes")) {
      std::string words = note.get<std::string>();
      if (std::find(notes->begin(), notes->end(), words) == notes->end())
        notes->push_back(std::move(words));
    }
  } catch (const json::exception& e) {
    return fail(ErrorKind::kInternal,
                fmt::format("a coverage build's index is damaged: {}", e.what()));
  }
  return {};
}

}  // namespace

Result<Coverage> CoverageReader::read(const CoverageRequest& request, std::stop_token stop) {
  Coverage out;
  KILN_TRY(read_changes(request, &out));
  wanted_ = {kSourceInside, {}};
  for (const reach::ChangedFile& file : out.input.files) wanted_.files.insert(file.change.path);
  for (const CoverageCell& cell : request.cells) {
    auto read = read_cell(cell, request.tree, stop, &out);
    (void)os::remove_tree(scratch_);
    if (!read)
      return fail(
          std::move(read.error()).while_doing("while reading the coverage of " + cell.config));
    out.input.cells.push_back(std::move(*read));
  }
  return out;
}

Status CoverageReader::read_changes(const CoverageRequest& request, Coverage* out) const {
  KILN_ASSIGN(const std::string diff, trees_.diff(request.base_tree, request.tree));
  KILN_ASSIGN(std::vector<series::FileChange> changes,
              series::parse_diff(diff, "the series' difference"));
  for (series::FileChange& change : changes) {
    reach::ChangedFile file;
    const auto take = [&](const std::string& tree, std::string* text) -> Status {
      auto found = trees_.text(tree, change.path, kMaxSource);
      if (found)
        *text = std::move(*found);
      else if (found.error().kind == ErrorKind::kBadInput)
        out->notes.push_back(found.error().message + ": its lines are not looked at");
      else
        return fail(std::move(found.error()));
      return {};
    };
    if (!change.added && !change.binary) KILN_TRY(take(request.base_tree, &file.old_text));
    if (!change.deleted && !change.binary) KILN_TRY(take(request.tree, &file.new_text));
    file.change = std::move(change);
    out->input.files.push_back(std::move(file));
  }
  return {};
}

/// Macros of a touched header run where they are used: in the objects that include it.
void CoverageReader::add_users(const std::string& tree, reach::CellEvidence* cell,
                               reach::Input* input) {
  std::map<std::string, std::string> users;  // path -> object
  for (const auto& [path, file] : cell->files)
    if (path.ends_with(".h"))
      for (const std::string& object : file.objects)
        if (object.ends_with(".o")) users[object.substr(0, object.size() - 1) + "c"] = object;
  for (const auto& [path, object] : users) {
    if (cell->files.contains(path)) continue;  // touched itself
    auto& text = input->users[path];
    if (text.empty()) text = trees_.text(tree, path, kMaxSource).value_or("");
    wanted_.files.insert(path);
    cell->files[path].objects = {object};
  }
}

Result<reach::CellEvidence> CoverageReader::read_cell(const CoverageCell& cell,
                                                      const std::string& tree, std::stop_token stop,
                                                      Coverage* coverage) {
  std::vector<std::string>* notes = &coverage->notes;
  KILN_TRY(os::remove_tree(scratch_));
  KILN_TRY(os::make_dirs(scratch_ / "all"));
  objects_.clear();
  folders_.clear();
  answers_.clear();
  damaged_ = 0;
  reach::CellEvidence out;
  out.config = cell.config;
  KILN_ASSIGN(const std::string build, fetch_(cell.build, kMaxArtifact));
  KILN_TRY(unpack_build(build, &out, notes));
  add_users(tree, &out, &coverage->input);
  std::vector<Take> takes;
  for (const std::string& digest : cell.taken) {
    KILN_ASSIGN(const std::string bytes, fetch_(digest, kMaxArtifact));
    KILN_ASSIGN(std::vector<Take> more, unpack_taken(bytes));
    std::move(more.begin(), more.end(), std::back_inserter(takes));
    if (takes.size() > kMaxTakes)
      return fail(ErrorKind::kBadInput, fmt::format("more than {} tests were counted", kMaxTakes));
  }
  // Each object once without counters: which of its lines have code, though it may never have run.
  for (const std::string& object : objects_) KILN_TRY(keep({object, ""}, ""));
  KILN_TRY(run_gcov(stop));
  KILN_TRY(read_answers(notes));
  for (const std::string& object : objects_) out.know(answers_[folders_.at({object, ""})]);
  for (const Take& take : takes) {
    const uint32_t test = out.test(take.test);
    for (const Counters& counters : take.counters) out.add(test, answers_[folders_.at(counters)]);
  }
  return out;
}

Status CoverageReader::unpack_build(const std::string& bytes, reach::CellEvidence* cell,
                                    std::vector<std::string>* notes) {
  return read_tar(bytes, kMaxUnpacked, [&](const std::string& raw, std::string content) -> Status {
    const std::string name = without_dot(raw);
    if (name == "index.json") return read_index(content, cell, notes);
    if (!is_inside(name) || !name.starts_with("gcno/") || !name.ends_with(".gcno")) return {};
    objects_.push_back(name.substr(5, name.size() - 10));
    const os::Path target = scratch_ / name;
    KILN_TRY(os::make_dirs(target.parent_path()));
    return os::write_atomic(target, content);
  });
}

/// SEQUENCE/name and SEQUENCE/kiln/obj/PATH.gcda, as the collector leaves them.
Result<std::vector<CoverageReader::Take>> CoverageReader::unpack_taken(const std::string& bytes) {
  const std::string root = std::string(kObjectsInside).substr(1) + "/";
  std::map<uint64_t, Take> takes;
  const auto visit = [&](const std::string& raw, const std::string& content) -> Status {
    const std::string name = without_dot(raw);
    const size_t slash = name.find('/');
    if (slash == 0 || slash == std::string::npos || slash > 9 ||
        name.find_first_not_of("0123456789") != slash)
      return {};
    Take& take = takes[std::stoull(name.substr(0, slash))];
    const std::string rest = without_dot(name.substr(slash + 1));
    if (rest == "name") take.test = to_valid_utf8(trim(content).substr(0, kMaxName));
    if (!rest.starts_with(root) || !rest.ends_with(".gcda")) return {};
    Counters counters{rest.substr(root.size(), rest.size() - root.size() - 5),
                      os::sha256_hex(content)};
    if (std::find(objects_.begin(), objects_.end(), counters.object) == objects_.end()) return {};
    if (!content.starts_with(kMagic)) {
      ++damaged_;
      return {};
    }
    take.counters.push_back(counters);
    return keep(counters, content);
  };
  KILN_TRY(read_tar(bytes, kMaxUnpacked, visit));
  std::vector<Take> out;
  for (auto& [sequence, take] : takes)
    if (!take.test.empty()) out.push_back(std::move(take));
  return out;
}

/// Puts counters where gcov finds the object's notes beside them. Most tests leave the same ones.
Status CoverageReader::keep(const Counters& counters, const std::string& content) {
  if (folders_.contains(counters)) return {};
  if (folders_.size() >= kMaxDistinct)
    return fail(ErrorKind::kBadInput, fmt::format("more than {} sets of counters", kMaxDistinct));
  const std::string folder = std::to_string(folders_.size());
  folders_[counters] = folder;
  const os::Path at = scratch_ / "all" / folder;
  KILN_TRY(os::make_dirs(at));
  const std::string name = file_name(counters.object);
  std::error_code error;
  fs::create_symlink("../../gcno/" + counters.object + ".gcno", at / (name + ".gcno"), error);
  if (error) return fail(os::errno_error("make", at / (name + ".gcno"), error.value()));
  if (counters.digest.empty()) return {};
  return os::write_atomic(at / (name + ".gcda"), content);
}

Status CoverageReader::run_gcov(std::stop_token stop) const {
  KILN_TRY(os::make_dirs(scratch_ / "answers"));
  std::string script = "cd /kiln/coverage/all\n";
  std::string batch;
  size_t in_batch = 0;
  size_t batches = 0;
  const auto flush = [&] {
    if (in_batch == 0) return;
    // gcov complains on stderr about counters that are not there; each answer is a line.
    script += fmt::format("gcov --json-format --stdout{} >../answers/{}.json 2>/dev/null\n", batch,
                          batches++);
    batch.clear();
    in_batch = 0;
  };
  for (const auto& [counters, folder] : folders_) {
    batch += fmt::format(" {}/{}.{}", folder, file_name(counters.object),
                         counters.digest.empty() ? "gcno" : "gcda");
    if (++in_batch == kBatch) flush();
  }
  flush();
  KILN_TRY(os::write_atomic(scratch_ / "run", script + "exit 0\n"));
  KILN_TRY(make_.sandbox().give(scratch_));
  SandboxJob job;
  job.argv = {"sh", "/kiln/coverage/run"};
  job.mounts = {{scratch_, "/kiln/coverage", true}};
  job.timeout = kGcovLimit;
  job.memory_bytes = 1ULL << 30;
  KILN_ASSIGN(const os::Exit exit, make_.sandbox().run(job, stop));
  if (!exit.ok())
    return fail(ErrorKind::kInfrastructure, fmt::format("gcov ended with exit code {}", exit.code));
  return {};
}

Status CoverageReader::read_answers(std::vector<std::string>* notes) {
  KILN_ASSIGN(const std::vector<os::Path> files, os::list_files(scratch_ / "answers"));
  for (const os::Path& file : files) {
    KILN_ASSIGN(const std::string text, os::read_file(scratch_ / "answers" / file, kMaxAnswers));
    for (const std::string& line : split(text, '\n')) {
      if (line.empty()) continue;
      auto answer = reach::read_gcov(line, wanted_);
      if (answer)
        answers_[answer->data_file.substr(0, answer->data_file.find('/'))] =
            std::move(answer->files);
    }
  }
  for (const auto& [counters, folder] : folders_)
    if (!answers_.contains(folder)) ++damaged_;
  if (damaged_ > 0)
    notes->push_back(fmt::format("{} sets of counters could not be read", damaged_));
  return {};
}

}  // namespace kiln::builder
