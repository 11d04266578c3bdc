#include "controller/access/audit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/access/secret.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

constexpr auto kWake = std::chrono::seconds(1);
constexpr auto kRetry = std::chrono::milliseconds(200);
constexpr Millis kUseEvery{5 * 60'000};
constexpr size_t kMaxUses = 10'000;
constexpr size_t kMaxText = 500;

std::string bounded(const std::string& text) {
  return access::redact(to_valid_utf8(std::string_view(text).substr(0, kMaxText)));
}

/// Others wrote parts of it: bounded, valid, without secrets.
access::AuditEntry cleaned(access::AuditEntry entry) {
  for (std::string* text :
       {&entry.who, &entry.role, &entry.method, &entry.target, &entry.detail, &entry.peer})
    *text = bounded(*text);
  return entry;
}

std::string refusal_words(const access::AuditEntry& entry) {
  std::string line = fmt::format("refused {}: {}", entry.method, entry.detail);
  if (!entry.who.empty()) line += fmt::format(" ({})", entry.who);
  if (!entry.peer.empty()) line += fmt::format(" from {}", entry.peer);
  return line;
}

}  // namespace

AuditLog::AuditLog(db::Database& database, const Clock& clock, LogLine log, AuditOptions options)
    : table_(database), clock_(clock), log_(std::move(log)), options_(options), thread_([this] {
        run();
      }) {}

AuditLog::~AuditLog() {
  {
    auto state = state_.lock();
    state->stop = true;
    state.notify_all();
  }
  thread_.join();
}

void AuditLog::say(const std::string& line) const {
  if (log_) log_(line);
}

void AuditLog::put(State& state, access::AuditEntry entry) {
  if (state.entries.size() >= options_.queue) {
    ++state.lost;
    return;
  }
  state.entries.push_back(std::move(entry));
}

void AuditLog::record(access::AuditEntry entry) {
  entry = cleaned(std::move(entry));
  if (entry.time == WallTime{}) entry.time = clock_.now();
  auto state = state_.lock();
  put(*state, std::move(entry));
  state.notify_all();
}

void AuditLog::refused(access::AuditEntry entry) {
  entry = cleaned(std::move(entry));
  entry.outcome = "refused";
  if (entry.time == WallTime{}) entry.time = clock_.now();
  std::string key = join(std::vector{entry.who, entry.method, entry.detail, entry.peer}, "\n");
  {
    auto state = state_.lock();
    if (!state->kinds.contains(key) && state->kinds.size() >= options_.kinds) {
      key = "";
      entry.who = entry.peer = entry.method = entry.target = "";
      entry.detail = "many different refusals";
    }
    const auto [kind, first] = state->kinds.try_emplace(key);
    if (!first) {
      ++kind->second.more;
      return;
    }
    kind->second = {entry, clock_.steady(), 0};
    put(*state, entry);
    state.notify_all();
  }
  say(refusal_words(entry));
}

void AuditLog::used(const std::string& token_id) {
  const WallTime now = clock_.now();
  auto state = state_.lock();
  WallTime& last = state->used[token_id];
  if (now - last < kUseEvery && now >= last) return;
  last = now;
  state->uses[token_id] = now;
  // Tokens are few; whoever has made more than that loses nothing but the memory of their use.
  if (state->used.size() > kMaxUses) state->used.clear();
}

bool AuditLog::flush(Millis wait) {
  auto state = state_.lock();
  const uint64_t mine = ++state->asked;
  state.notify_all();
  return state.wait_until(std::chrono::steady_clock::now() + wait,
                          [&] { return state->written >= mine; });
}

void AuditLog::close_windows(State& state, bool all) {
  const auto now = clock_.steady();
  for (auto it = state.kinds.begin(); it != state.kinds.end();) {
    Kind& kind = it->second;
    if (!all && now - kind.since < options_.window) {
      ++it;
      continue;
    }
    if (kind.more == 0) {
      it = state.kinds.erase(it);
      continue;
    }
    access::AuditEntry entry = kind.first;
    entry.time = clock_.now();
    entry.times = kind.more;
    put(state, std::move(entry));
    kind.since = now;
    kind.more = 0;
    ++it;
  }
}

AuditLog::Batch AuditLog::next_batch() {
  auto state = state_.lock();
  state.wait_until(std::chrono::steady_clock::now() + kWake, [&] {
    return state->stop || !state->entries.empty() || state->asked > state->written;
  });
  close_windows(*state, state->stop);
  if (const uint64_t lost = std::exchange(state->lost, 0); lost > 0) {
    access::AuditEntry entry;
    entry.time = clock_.now();
    entry.outcome = "failed";
    entry.method = "audit";
    entry.detail = "entries were lost: there were more than could be written";
    entry.times = static_cast<int>(std::min<uint64_t>(lost, 1'000'000'000));
    state->entries.push_back(std::move(entry));
  }
  Batch batch;
  batch.entries.assign(std::make_move_iterator(state->entries.begin()),
                       std::make_move_iterator(state->entries.end()));
  state->entries.clear();
  batch.uses = std::exchange(state->uses, {});
  batch.asked = state->asked;
  batch.stop = state->stop;
  return batch;
}

void AuditLog::write(const Batch& batch) {
  Status stored;
  if (!batch.entries.empty()) stored = table_.append_audit(batch.entries, options_.keep);
  for (const auto& [id, time] : batch.uses)
    if (stored) stored = table_.touch_token(id, time);
  for (const access::AuditEntry& entry : batch.entries)
    if (entry.times > 1)
      say(fmt::format("{}: {} more like this",
                      entry.outcome == "refused" ? refusal_words(entry) : entry.detail,
                      entry.times));
  if (!stored && !failing_) say("the audit cannot be written: " + stored.error().message);
  failing_ = !stored;
  if (stored) return;
  // A full disk must not lose them at once: they go back, up to the queue's bound.
  auto state = state_.lock();
  const size_t room = options_.queue - std::min(options_.queue, state->entries.size());
  const size_t back = std::min(room, batch.entries.size());
  state->lost += batch.entries.size() - back;
  state->entries.insert(state->entries.begin(), batch.entries.end() - static_cast<long>(back),
                        batch.entries.end());
}

void AuditLog::run() {
  while (true) {
    const Batch batch = next_batch();
    write(batch);
    if (!failing_) {
      auto state = state_.lock();
      state->written = batch.asked;
      state.notify_all();
    }
    if (batch.stop) return;
    if (failing_) std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace kiln::controller
