#include "lib/db/access_table.h"

#include <fmt/format.h>

#include <optional>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

constexpr const char* kToken =
    "SELECT id, hash, user, role, note, created_ms, created_by, expires_ms, revoked_ms, revoked_by,"
    " last_used_ms FROM access_tokens ";
constexpr const char* kEnrolment =
    "SELECT id, hash, agent, created_ms, created_by, expires_ms, attempts, used_ms, public_key,"
    " certificate FROM enrolments ";

access::Token read_token(sql::Columns c) {
  access::Token token;
  token.id = c.text();
  token.hash = c.text();
  token.user = c.text();
  token.role = access::parse_role(c.text()).value_or(access::Role::kViewer);
  token.note = c.text();
  token.created = c.time();
  token.created_by = c.text();
  token.expires = c.optional_time();
  token.revoked = c.optional_time();
  token.revoked_by = c.text();
  token.last_used = c.optional_time();
  return token;
}

access::Enrolment read_enrolment(sql::Columns c) {
  access::Enrolment enrolment;
  enrolment.id = c.text();
  enrolment.hash = c.text();
  enrolment.agent = c.text();
  enrolment.created = c.time();
  enrolment.created_by = c.text();
  enrolment.expires = c.time();
  enrolment.attempts = c.small();
  enrolment.used = c.optional_time();
  enrolment.public_key = c.text();
  enrolment.certificate = c.text();
  return enrolment;
}

/// All rows of a query, each read by read(Columns).
template <typename Read, typename... Args>
auto rows(SQLite::Database& db, const std::string& text, Read read, const Args&... args) {
  std::vector<decltype(read(std::declval<sql::Columns>()))> found;
  sql::each(
      db, text.c_str(), [&](SQLite::Statement& row) { found.push_back(read(sql::Columns(row))); },
      args...);
  return found;
}

void insert_certificate(SQLite::Database& db, const access::AgentCertificate& c) {
  // The same certificate again is the same row.
  sql::execute(db,
               "INSERT OR IGNORE INTO agent_certificates (fingerprint, agent, created_ms,"
               " expires_ms, revoked_ms, revoked_by, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
               c.fingerprint, c.agent, c.created, c.expires, c.revoked, c.revoked_by, c.why);
}

int end_certificates(SQLite::Database& db, const std::string& agent, const std::string& who,
                     const std::string& why, WallTime now) {
  return sql::execute(db,
                      "UPDATE agent_certificates SET revoked_ms = ?, revoked_by = ?, why = ?"
                      " WHERE agent = ? AND revoked_ms IS NULL",
                      now, who, why, agent);
}

}  // namespace

Status AccessTable::add_token(const access::Token& t) {
  return sql::write(*database_, "store the token", [&](SQLite::Database& db) -> Status {
    const int added = sql::execute(
        db,
        "INSERT OR IGNORE INTO access_tokens (id, hash, user, role, note, created_ms, created_by,"
        " expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        t.id, t.hash, t.user, std::string(access::to_string(t.role)), t.note, t.created,
        t.created_by, t.expires);
    if (added == 1) return {};
    return fail(ErrorKind::kConflict, fmt::format("there is a token {} already", t.id));
  });
}

Result<std::vector<access::Token>> AccessTable::tokens() const {
  return sql::read(*database_, "read the tokens",
                   [](SQLite::Database& db) -> Result<std::vector<access::Token>> {
                     return rows(db, std::string(kToken) + "ORDER BY created_ms, id", read_token);
                   });
}

Result<access::Token> AccessTable::revoke_token(const std::string& id, const std::string& who,
                                                WallTime now) {
  return sql::write(
      *database_, "revoke the token", [&](SQLite::Database& db) -> Result<access::Token> {
        sql::execute(db,
                     "UPDATE access_tokens SET revoked_ms = ?, revoked_by = ? WHERE id = ?"
                     " AND revoked_ms IS NULL",
                     now, who, id);
        auto found = rows(db, std::string(kToken) + "WHERE id = ?", read_token, id);
        if (!found.empty()) return std::move(found.front());
        return fail(Error(ErrorKind::kNotFound, fmt::format("there is no token {}", id))
                        .with_hint("kiln token list shows them"));
      });
}

Status AccessTable::touch_token(const std::string& id, WallTime now) {
  return sql::write(*database_, "note the token's use", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "UPDATE access_tokens SET last_used_ms = ? WHERE id = ?", now, id);
    return {};
  });
}

Status AccessTable::add_enrolment(const access::Enrolment& e) {
  return sql::write(*database_, "store the enrolment", [&](SQLite::Database& db) -> Status {
    const int added = sql::execute(
        db,
        "INSERT OR IGNORE INTO enrolments (id, hash, agent, created_ms, created_by, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        e.id, e.hash, e.agent, e.created, e.created_by, e.expires);
    if (added == 1) return {};
    return fail(ErrorKind::kConflict, fmt::format("there is an enrolment {} already", e.id));
  });
}

Result<std::vector<access::Enrolment>> AccessTable::enrolments() const {
  return sql::read(*database_, "read the enrolments",
                   [](SQLite::Database& db) -> Result<std::vector<access::Enrolment>> {
                     return rows(db, std::string(kEnrolment) + "ORDER BY created_ms, id",
                                 read_enrolment);
                   });
}

Result<access::Enrolment> AccessTable::enrolment(const std::string& id) const {
  return sql::read(
      *database_, "read the enrolment", [&](SQLite::Database& db) -> Result<access::Enrolment> {
        auto found = rows(db, std::string(kEnrolment) + "WHERE id = ?", read_enrolment, id);
        if (!found.empty()) return std::move(found.front());
        return fail(ErrorKind::kNotFound, fmt::format("there is no enrolment {}", id));
      });
}

Status AccessTable::count_attempt(const std::string& id) {
  return sql::write(*database_, "count an attempt", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "UPDATE enrolments SET attempts = attempts + 1 WHERE id = ?", id);
    return {};
  });
}

Status AccessTable::use_enrolment(const access::Enrolment& e,
                                  const access::AgentCertificate& given) {
  return sql::write(*database_, "enrol the agent", [&](SQLite::Database& db) -> Status {
    const int used = sql::execute(db,
                                  "UPDATE enrolments SET used_ms = ?, public_key = ?,"
                                  " certificate = ? WHERE id = ? AND used_ms IS NULL",
                                  e.used, e.public_key, e.certificate, e.id);
    if (used != 1) return fail(ErrorKind::kConflict, "the code was used at the same time");
    end_certificates(db, given.agent, "agent:" + given.agent, "enrolled again", given.created);
    insert_certificate(db, given);
    return {};
  });
}

Status AccessTable::forget_enrolments(WallTime before) {
  return sql::write(*database_, "forget old enrolments", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "DELETE FROM enrolments WHERE expires_ms < ?", before);
    return {};
  });
}

Status AccessTable::add_certificate(const access::AgentCertificate& certificate) {
  return sql::write(*database_, "store the certificate", [&](SQLite::Database& db) -> Status {
    insert_certificate(db, certificate);
    return {};
  });
}

Status AccessTable::renew_certificate(const access::AgentCertificate& certificate,
                                      const std::string& old) {
  return sql::write(*database_, "store the certificate", [&](SQLite::Database& db) -> Status {
    bool revoked = false;
    sql::each(
        db, "SELECT 1 FROM agent_certificates WHERE fingerprint = ? AND revoked_ms IS NOT NULL",
        [&](SQLite::Statement& /*row*/) { revoked = true; }, old);
    if (revoked)
      return fail(ErrorKind::kPermission,
                  fmt::format("the certificate of agent {} was revoked", certificate.agent));
    insert_certificate(db, certificate);
    return {};
  });
}

Result<std::vector<access::AgentCertificate>> AccessTable::certificates() const {
  return sql::read(*database_, "read the agents' certificates",
                   [](SQLite::Database& db) -> Result<std::vector<access::AgentCertificate>> {
                     return rows(db,
                                 "SELECT fingerprint, agent, created_ms, expires_ms, revoked_ms,"
                                 " revoked_by, why FROM agent_certificates ORDER BY agent,"
                                 " created_ms, fingerprint",
                                 [](sql::Columns c) {
                                   access::AgentCertificate row;
                                   row.fingerprint = c.text();
                                   row.agent = c.text();
                                   row.created = c.time();
                                   row.expires = c.time();
                                   row.revoked = c.optional_time();
                                   row.revoked_by = c.text();
                                   row.why = c.text();
                                   return row;
                                 });
                   });
}

Result<int> AccessTable::revoke_agent(const std::string& agent, const std::string& who,
                                      const std::string& why, WallTime now, bool unknown) {
  return sql::write(*database_, "revoke the agent", [&](SQLite::Database& db) -> Result<int> {
    const int ended = end_certificates(db, agent, who, why, now);
    if (unknown) {
      // Stands for all that nobody knows.
      sql::execute(db, "DELETE FROM agent_certificates WHERE fingerprint = ?", "any of " + agent);
      insert_certificate(db, {"any of " + agent, agent, now, now, now, who, why});
      return ended;
    }
    if (ended > 0) return ended;
    bool known = false;
    sql::each(
        db, "SELECT 1 FROM agent_certificates WHERE agent = ? LIMIT 1",
        [&](SQLite::Statement& /*row*/) { known = true; }, agent);
    if (known) return 0;
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("no agent {} was ever enrolled here", agent))
            .with_hint("kiln agents shows them"));
  });
}

Status AccessTable::append_audit(std::span<const access::AuditEntry> entries, int64_t keep) {
  return sql::write(*database_, "write the audit", [&](SQLite::Database& db) -> Status {
    sql::Inserter inserter(db,
                           "INSERT INTO audit (time_ms, who, role, method, target, outcome, detail,"
                           " peer, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const access::AuditEntry& e : entries)
      inserter.add(e.time, e.who, e.role, e.method, e.target, e.outcome, e.detail, e.peer, e.times);
    // Ids have no gaps: they are given and forgotten in order.
    sql::execute(db, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", keep);
    return {};
  });
}

Result<std::vector<access::AuditEntry>> AccessTable::audit(const AuditQuery& query) const {
  return sql::read(*database_, "read the audit",
                   [&](SQLite::Database& db) -> Result<std::vector<access::AuditEntry>> {
                     return rows(
                         db,
                         "SELECT id, time_ms, who, role, method, target, outcome, detail, peer,"
                         " times FROM audit WHERE (?1 = '' OR who = ?1) AND (?2 = '' OR outcome ="
                         " ?2) AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
                         [](sql::Columns c) {
                           access::AuditEntry e;
                           e.id = c.integer();
                           e.time = c.time();
                           e.who = c.text();
                           e.role = c.text();
                           e.method = c.text();
                           e.target = c.text();
                           e.outcome = c.text();
                           e.detail = c.text();
                           e.peer = c.text();
                           e.times = c.small();
                           return e;
                         },
                         query.who, query.outcome, query.before_id, query.limit);
                   });
}

}  // namespace kiln::db
