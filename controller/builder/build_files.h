#pragma once
/// A build that another computer makes: what is asked and what came of it, as the text of files in
/// a folder that both see. Pure. Each text ends with its own digest, so that a torn or damaged file
/// is known as one. docs/decisions/0010 says who writes which file.
#include <optional>
#include <set>
#include <string>

#include "controller/builder/builder.h"

namespace kiln::builder {

inline constexpr const char* kRequestFile = "request.json";
inline constexpr const char* kResultFile = "result.json";
inline constexpr const char* kProgressFile = "progress.json";
inline constexpr const char* kBenchFolder = "bench";      ///< copy of the job's bench files
inline constexpr const char* kArtifactFolder = "blobs";   ///< in an attempt's own folder
inline constexpr const char* kObjectsFolder = "objects";  ///< likewise; as ObjectStore keeps them
inline constexpr uint64_t kMaxBuildFile = 64 << 20;

/// How often one job may be started again by its engine before it is an error.
inline constexpr int kMaxRestarts = 2;

struct RemoteRequest {
  std::string version;  ///< of the Kiln that asks
  BuildRequest build;   ///< bench_dir is kBenchFolder beside the request, or ""
  os::Path sources;     ///< bare repository that has the trees
  os::Path objects;     ///< object folders of finished builds
  os::Path scratch;     ///< on the computer that builds
  int jobs = 2;         ///< parallel compilations
  uint64_t free_needed = 1ULL << 30;
  std::set<std::string> present;  ///< artifacts that need not come back
};

/// Either a record, or why there is none.
struct RemoteResult {
  std::string node;    ///< who built it
  std::string folder;  ///< beside the result: artifacts and objects; one name, no path
  std::optional<Error> error;
  kernel::BuildRecord record;
  bool objects = false;  ///< FOLDER/kObjectsFolder is there
};

/// Written every few seconds: the job lives.
struct RemoteProgress {
  std::string node;
  BuildProgress build;
  int beat = 0;  ///< grows: a linker says nothing for minutes
};

std::string to_text(const RemoteRequest& request);
std::string to_text(const RemoteResult& result);
std::string to_text(const RemoteProgress& progress);

/// kInfrastructure when the text is torn, damaged, or of another version of Kiln.
Result<RemoteRequest> parse_request(const std::string& text);
Result<RemoteResult> parse_result(const std::string& text);
Result<RemoteProgress> parse_progress(const std::string& text);

/// Digests that the record names, each once; 64 hex digits or refused by parse_result().
std::set<std::string> artifacts_of(const kernel::BuildRecord& record);

}  // namespace kiln::builder
