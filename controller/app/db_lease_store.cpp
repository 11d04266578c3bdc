#include "controller/app/db_lease_store.h"

#include "lib/db/machine_table.h"
#include "lib/db/run_table.h"
#include "lib/db/session_table.h"
#include "lib/job/schedule.h"

namespace kiln::controller {

Result<std::vector<fleet::Lease>> DbLeaseStore::leases() {
  KILN_ASSIGN(const auto rows, db::LeaseTable(db_).open());
  std::vector<fleet::Lease> out;
  for (const db::LeaseRow& row : rows)
    out.push_back({row.lease, row.session_id, row.run_id, row.key, row.machine, row.user,
                   job::measures_purpose(row.purpose), row.until});
  return out;
}

Result<uint64_t> DbLeaseStore::newest_lease() {
  return db::LeaseTable(db_).newest();
}

Status DbLeaseStore::end_lease(int64_t session_id) {
  return db::LeaseTable(db_).end(session_id);
}

Result<std::vector<fleet::Hold>> DbLeaseStore::holds() {
  KILN_ASSIGN(const auto rows, db::LeaseTable(db_).holds());
  std::vector<fleet::Hold> out;
  for (const db::HoldRow& row : rows)
    out.push_back({row.lease, row.machine, row.user, row.reason, row.from, row.until});
  return out;
}

Status DbLeaseStore::add_hold(const fleet::Hold& hold) {
  return db::LeaseTable(db_).add_hold(
      {hold.lease, hold.machine, hold.user, hold.reason, hold.from, hold.until});
}

Status DbLeaseStore::end_hold(uint64_t lease, const std::string& by) {
  return db::LeaseTable(db_).end_hold(lease, by, clock_.now());
}

Result<std::vector<fleet::Standing>> DbLeaseStore::standings() {
  KILN_ASSIGN(const auto rows, db::MachineTable(db_).all());
  std::vector<fleet::Standing> out;
  for (const db::MachineRow& row : rows)
    out.push_back({row.name, row.agent, row.intent, row.intent_why, row.health, row.health_why,
                   row.errors_in_a_row, row.changed});
  return out;
}

Status DbLeaseStore::put_standing(const fleet::Standing& s) {
  return db::MachineTable(db_).put({s.machine, s.agent, s.intent, s.intent_why, s.health,
                                    s.health_why, s.errors_in_a_row, s.changed});
}

db::DuplicateRow DbLeaseStore::duplicate_of(const v1::SessionDone& done) const {
  db::DuplicateRow row;
  row.session_id = done.session().id();
  row.lease = done.lease_epoch();
  row.machine = done.session().machine();
  row.received = clock_.now();
  row.done = done.SerializeAsString();
  return row;
}

Status DbLeaseStore::put_duplicate(const v1::SessionDone& done, const std::string& reason) {
  db::DuplicateRow row = duplicate_of(done);
  row.reason = reason;
  return db::LeaseTable(db_).add_duplicate(row);
}

/// An end counts once. Of a session that has ended, or whose run has, a further one is kept with
/// its reason; a run that was interrupted wants it when it goes on.
Result<bool> DbLeaseStore::take_unclaimed(const v1::SessionDone& done) {
  const auto session = db::SessionTable(db_).get(done.session().id());
  std::string reason;
  if (!session && session.error().kind != ErrorKind::kNotFound) return fail(session.error());
  if (!session) {
    reason = "no such session is known here";
  } else if (session->state == "done") {
    reason = "another end of the session counts";
  } else {
    KILN_ASSIGN(const db::RunRow run, db::RunTable(db_).get(session->run_id));
    if (run.state != "done") return false;
    reason = "its run has ended";
  }
  KILN_TRY(put_duplicate(done, reason));
  return true;
}

}  // namespace kiln::controller
