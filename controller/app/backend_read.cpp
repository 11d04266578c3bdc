/// What is looked at of runs that are stored or go on.
#include <fmt/format.h>

#include <algorithm>

#include "controller/app/backend.h"
#include "controller/app/test_log.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

constexpr Millis kWatchWait{1000};

}  // namespace

Status Backend::watch_run(int64_t run_id, int64_t from_seq,
                          const std::function<bool(const v1::RunEvent&)>& emit) {
  int64_t after = std::max<int64_t>(0, from_seq - 1);
  while (const auto events = parts_.hub.next(run_id, after, kWatchWait)) {
    for (const v1::RunEvent& event : *events) {
      after = event.seq();
      if (!emit(event) || event.kind() == "finished") return {};
    }
    // An empty event tells a caller that went away.
    if (!emit(v1::RunEvent())) return {};
  }
  KILN_ASSIGN(const int64_t id, parts_.store.resolve_run(run_id));
  KILN_ASSIGN(const auto events, parts_.store.events(id, after));
  for (const v1::RunEvent& event : events)
    if (!emit(event)) break;
  return {};
}

Result<v1::ListRunsReply> Backend::list_runs(int limit, int64_t before) {
  return parts_.store.list_runs(std::clamp(limit, 1, 10'000), before);
}

Result<v1::RunReport> Backend::report(const v1::GetReportRequest& request) {
  KILN_ASSIGN(const int64_t id, parts_.store.resolve_run(request.run_id()));
  return parts_.store.report(id, !request.without_sessions());
}

Status Backend::log(const v1::GetLogRequest& request,
                    const std::function<bool(std::string_view)>& emit) {
  KILN_ASSIGN(const int64_t run_id, parts_.store.resolve_run(request.run_id()));
  KILN_ASSIGN(const auto sessions, parts_.store.sessions(run_id));
  for (const results::StoredSession& stored : sessions) {
    if (stored.id != request.session_id()) continue;
    if (stored.state != "done")
      return fail(
          Error(ErrorKind::kNotFound, fmt::format("session {} is still going on", stored.id))
              .with_hint(fmt::format("kiln log {} {} --console --follow", run_id, stored.id)));
    KILN_ASSIGN(const auto cleared, parts_.store.cleared(run_id));
    if (cleared)
      return fail(
          Error(ErrorKind::kNotFound, fmt::format("the logs of run {} were cleared away on {}",
                                                  run_id, to_rfc3339(*cleared).substr(0, 10)))
              .with_hint("its results, findings and report are kept"));
    const auto& artifacts = stored.session.artifacts();
    if (const auto found = artifacts.find(request.what()); found != artifacts.end())
      return emit_blob(found->second, emit);
    if (const auto words = test_log(parts_.blobs, stored.session, request.what())) {
      emit(*words);
      return {};
    } else if (words.error().kind != ErrorKind::kNotFound) {
      return fail(words.error());
    }
    std::vector<std::string> names;
    for (const auto& [name, digest] : artifacts) names.push_back(name);
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("session {} has neither a log nor a test `{}`",
                                                stored.id, request.what()))
            .with_hint("its logs: " + join(names, ", ")));
  }
  return fail(Error(ErrorKind::kNotFound,
                    fmt::format("run {} has no session {}", run_id, request.session_id()))
                  .with_hint(fmt::format("kiln show {} lists them", run_id)));
}

Result<std::string> Backend::blob(const std::string& digest, uint64_t max_bytes) {
  std::string bytes;
  bool too_long = false;
  KILN_TRY(parts_.blobs.read(digest, 0, [&](std::string_view more) {
    too_long = bytes.size() + more.size() > max_bytes;
    if (!too_long) bytes += more;
    return !too_long;
  }));
  if (too_long)
    return fail(ErrorKind::kBadInput,
                fmt::format("artifact {} is longer than {}", digest, human_bytes(max_bytes)));
  return bytes;
}

Status Backend::emit_blob(const std::string& digest,
                          const std::function<bool(std::string_view)>& emit) {
  return parts_.blobs.read(digest, 0, emit);
}

}  // namespace kiln::controller
