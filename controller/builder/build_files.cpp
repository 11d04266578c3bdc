#include "controller/builder/build_files.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace kiln::builder {
namespace {

using nlohmann::json;

constexpr size_t kDigestDigits = 64;

bool is_digest(std::string_view text) {
  return text.size() == kDigestDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string sealed(const json& body) {
  const std::string text = body.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  return text + os::sha256_hex(text) + "\n";
}

Result<json> unsealed(const std::string& text) {
  const auto broken = [] {
    return fail(ErrorKind::kInfrastructure, "the file is torn or damaged: its digest is not right");
  };
  if (text.size() < kDigestDigits + 2 || text.back() != '\n') return broken();
  const std::string_view body(text.data(), text.size() - kDigestDigits - 1);
  if (os::sha256_hex(body) + "\n" != text.substr(body.size())) return broken();
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return broken();
  return parsed;
}

/// Calls `read`, whose json accesses throw when a field is not there or of another type.
template <typename T, typename F>
Result<T> reading(const std::string& text, F read) {
  KILN_ASSIGN(const json body, unsealed(text));
  T value;
  try {
    read(body, &value);
  } catch (const json::exception&) {
    return fail(ErrorKind::kInfrastructure, "the file is of another version of Kiln");
  }
  return value;
}

template <typename T>
void take(const json& from, const char* name, T* into) {
  *into = from.at(name).get<T>();
}

json to_json(const std::vector<kernel::Warning>& warnings) {
  json list = json::array();
  for (const kernel::Warning& w : warnings) list.push_back({w.file, w.line, w.text});
  return list;
}

json to_json(const kernel::BuildRecord& r) {
  return {{"key", r.key},
          {"state", r.state},
          {"release", r.release},
          {"build_id", r.kernel_build_id},
          {"module_build_ids", r.module_build_ids},
          {"config", r.config_digest},
          {"image", r.image_digest},
          {"modules", r.modules_digest},
          {"vmlinux", r.vmlinux_digest},
          {"bench", r.bench_digest},
          {"log", r.log_digest},
          {"coverage", r.coverage_digest},
          {"warnings", to_json(r.warnings)},
          {"error", r.error},
          {"incremental", r.incremental},
          {"elapsed_ms", r.elapsed.count()},
          {"notes", r.notes}};
}

kernel::BuildRecord record_from(const json& from) {
  kernel::BuildRecord r;
  take(from, "key", &r.key);
  take(from, "state", &r.state);
  take(from, "release", &r.release);
  take(from, "build_id", &r.kernel_build_id);
  take(from, "module_build_ids", &r.module_build_ids);
  take(from, "config", &r.config_digest);
  take(from, "image", &r.image_digest);
  take(from, "modules", &r.modules_digest);
  take(from, "vmlinux", &r.vmlinux_digest);
  take(from, "bench", &r.bench_digest);
  take(from, "log", &r.log_digest);
  take(from, "coverage", &r.coverage_digest);
  for (const json& w : from.at("warnings"))
    r.warnings.push_back(
        {w.at(0).get<std::string>(), w.at(1).get<int>(), w.at(2).get<std::string>()});
  take(from, "error", &r.error);
  take(from, "incremental", &r.incremental);
  r.elapsed = Millis(from.at("elapsed_ms").get<int64_t>());
  take(from, "notes", &r.notes);
  return r;
}

constexpr std::array kKinds{
    ErrorKind::kBadInput, ErrorKind::kNotFound,  ErrorKind::kConflict, ErrorKind::kInfrastructure,
    ErrorKind::kTimeout,  ErrorKind::kCancelled, ErrorKind::kNoSpace,  ErrorKind::kPermission};

json to_json(const Error& error) {
  return {{"kind", to_string(error.kind)},
          {"message", error.message},
          {"context", error.context},
          {"hint", error.hint}};
}

Error error_from(const json& from) {
  Error error;
  const auto word = from.at("kind").get<std::string>();
  for (const ErrorKind kind : kKinds)
    if (to_string(kind) == word) error.kind = kind;
  take(from, "message", &error.message);
  take(from, "context", &error.context);
  take(from, "hint", &error.hint);
  return error;
}

/// A record that says of itself what cannot be.
bool is_sound(const kernel::BuildRecord& record) {
  if (record.state == "built" && (record.image_digest.empty() || record.vmlinux_digest.empty()))
    return false;
  if (record.state != "built" && record.state != "failed") return false;
  const std::set<std::string> digests = artifacts_of(record);
  return std::all_of(digests.begin(), digests.end(), is_digest);
}

}  // namespace

std::set<std::string> artifacts_of(const kernel::BuildRecord& record) {
  std::set<std::string> digests{record.image_digest, record.modules_digest, record.vmlinux_digest,
                                record.bench_digest, record.log_digest,     record.coverage_digest};
  if (record.state == "built") digests.insert(record.config_digest);
  digests.erase("");
  return digests;
}

std::string to_text(const RemoteRequest& request) {
  const BuildRequest& build = request.build;
  return sealed({{"version", request.version},
                 {"tree", build.input.tree_id},
                 {"arch", build.input.arch},
                 {"config_text", build.input.config_text},
                 {"toolchain", build.input.toolchain},
                 {"bench_digest", build.input.bench_digest},
                 {"profiled", build.input.profiled},
                 {"base_tree", build.base_tree_id},
                 {"base_key", build.base_key},
                 {"bench", !build.bench_dir.empty()},
                 {"timeout_ms", build.timeout.count()},
                 {"memory", build.memory_bytes},
                 {"sources", request.sources.string()},
                 {"objects", request.objects.string()},
                 {"scratch", request.scratch.string()},
                 {"jobs", request.jobs},
                 {"free_needed", request.free_needed},
                 {"present", request.present}});
}

Result<RemoteRequest> parse_request(const std::string& text) {
  return reading<RemoteRequest>(text, [](const json& from, RemoteRequest* request) {
    BuildRequest& build = request->build;
    take(from, "version", &request->version);
    take(from, "tree", &build.input.tree_id);
    take(from, "arch", &build.input.arch);
    take(from, "config_text", &build.input.config_text);
    take(from, "toolchain", &build.input.toolchain);
    take(from, "bench_digest", &build.input.bench_digest);
    take(from, "profiled", &build.input.profiled);
    take(from, "base_tree", &build.base_tree_id);
    take(from, "base_key", &build.base_key);
    if (from.at("bench").get<bool>()) build.bench_dir = kBenchFolder;
    build.timeout = Millis(from.at("timeout_ms").get<int64_t>());
    take(from, "memory", &build.memory_bytes);
    request->sources = from.at("sources").get<std::string>();
    request->objects = from.at("objects").get<std::string>();
    request->scratch = from.at("scratch").get<std::string>();
    take(from, "jobs", &request->jobs);
    take(from, "free_needed", &request->free_needed);
    take(from, "present", &request->present);
  });
}

std::string to_text(const RemoteResult& result) {
  json body = {{"node", result.node}, {"folder", result.folder}, {"objects", result.objects}};
  if (result.error)
    body["failure"] = to_json(*result.error);
  else
    body["record"] = to_json(result.record);
  return sealed(body);
}

Result<RemoteResult> parse_result(const std::string& text) {
  KILN_ASSIGN(RemoteResult result,
              reading<RemoteResult>(text, [](const json& from, RemoteResult* into) {
                take(from, "node", &into->node);
                take(from, "folder", &into->folder);
                take(from, "objects", &into->objects);
                if (from.contains("failure"))
                  into->error = error_from(from.at("failure"));
                else
                  into->record = record_from(from.at("record"));
              }));
  const bool plain = !result.folder.empty() && result.folder.find('/') == std::string::npos &&
                     result.folder.front() != '.';
  if (!plain || (!result.error && !is_sound(result.record)))
    return fail(ErrorKind::kInfrastructure, "the file says what cannot be");
  return result;
}

std::string to_text(const RemoteProgress& progress) {
  return sealed({{"node", progress.node},
                 {"beat", progress.beat},
                 {"phase", progress.build.phase},
                 {"compiled", progress.build.compiled},
                 {"expected", progress.build.expected},
                 {"last_step", to_valid_utf8(progress.build.last_step)}});
}

Result<RemoteProgress> parse_progress(const std::string& text) {
  return reading<RemoteProgress>(text, [](const json& from, RemoteProgress* into) {
    take(from, "node", &into->node);
    take(from, "beat", &into->beat);
    take(from, "phase", &into->build.phase);
    take(from, "compiled", &into->build.compiled);
    take(from, "expected", &into->build.expected);
    take(from, "last_step", &into->build.last_step);
  });
}

}  // namespace kiln::builder
