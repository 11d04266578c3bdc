/// A stored run once more.
#include <fmt/format.h>

#include "controller/app/backend.h"

namespace kiln::controller {
namespace {

/// What cannot be asked again this way, and what to do instead.
Status may_retry(const db::RunRow& row) {
  if (!row.repro_of.empty())
    return fail(Error(ErrorKind::kBadInput, fmt::format("run {} repeats a finding", row.id))
                    .with_hint("kiln repro " + row.repro_of));
  if (!row.checks_machine.empty())
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("run {} checks {}", row.id, row.checks_machine))
            .with_hint("the lab checks a quarantined machine again by itself"));
  return {};
}

}  // namespace

Result<v1::StartRunReply> Backend::retry(const v1::RetryRunRequest& request,
                                         const std::string& user) {
  if (parts_.preparer == nullptr)
    return fail(ErrorKind::kPermission, "this controller is read only");
  KILN_ASSIGN(const int64_t id, parts_.store.resolve_run(request.run_id()));
  KILN_ASSIGN(const db::RunRow row, parts_.store.run(id));
  KILN_TRY(may_retry(row));
  {
    const std::lock_guard lock(mutex_);
    if (is_driven_locked(id))
      return fail(Error(ErrorKind::kConflict, fmt::format("run {} is under way", id))
                      .with_hint(fmt::format("kiln watch {}", id)));
  }
  const bool anew = row.state == "done" || request.fresh();
  KILN_ASSIGN(const Quota::Ticket ticket, admit(user));
  RunAsk ask;
  KILN_ASSIGN(ask.prepared, prepare_again(row, !anew, leaving_.get_token()));
  ask.user = user;
  ask.priority = lab::priority_from(row.priority).value_or(lab::Priority::kInteractive);
  ask.bundle = row.bundle;
  ask.fresh = anew;
  if (!anew) ask.row = row;
  return start(std::move(ask));
}

}  // namespace kiln::controller
