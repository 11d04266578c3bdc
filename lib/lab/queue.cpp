#include "lib/lab/queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/base/text.h"

namespace kiln::lab {
namespace {

/// Work that could not start is looked past, so many pieces a line, in search of one that can.
constexpr int kLookAhead = 64;

constexpr std::pair<Priority, std::string_view> kWords[] = {
    {Priority::kInteractive, "interactive"},
    {Priority::kFollowUp, "follow-up"},
    {Priority::kNightly, "nightly"},
    {Priority::kCanary, "canary"},
};

std::string host_of(const Place& place) {
  return place.host.empty() ? "only " + place.name : place.host;
}

bool has_tags(const Place& place, const std::set<std::string>& tags) {
  return std::includes(place.tags.begin(), place.tags.end(), tags.begin(), tags.end());
}

}  // namespace

std::string_view to_string(Priority priority) {
  for (const auto& [value, word] : kWords)
    if (value == priority) return word;
  return "interactive";
}

std::optional<Priority> priority_from(std::string_view wanted) {
  for (const auto& [value, word] : kWords)
    if (word == wanted) return value;
  return std::nullopt;
}

// Classes and lines.

Queue::Class& Queue::class_for(const Want& want) {
  const ClassKey key{want.tags, want.place, want.kind, want.never};
  const auto [found, is_new] = classes_.try_emplace(key);
  Class& of = found->second;
  if (!is_new) return of;
  of.key = key;
  if (key.place.empty()) {
    for (auto& [name, site] : sites_) fit(of, site);
  } else if (const auto site = sites_.find(key.place); site != sites_.end()) {
    fit(of, site->second);
  }
  return of;
}

void Queue::fit(Class& of, Site& site) {
  const ClassKey& key = of.key;
  const std::string& name = site.place.name;
  const bool closed = site.place.tags.contains(kCheckTag) && !key.tags.contains(kCheckTag);
  const bool fits = !closed && has_tags(site.place, key.tags) &&
                    (key.place.empty() || key.place == name) &&
                    (key.kind.empty() || key.kind == site.place.kind) && !key.never.contains(name);
  if (fits) {
    of.fitting.insert(name);
    site.classes.insert(&of);
    if (site.place.open && site.lease == 0) of.free.insert(name);
  } else {
    of.fitting.erase(name);
    of.free.erase(name);
    site.classes.erase(&of);
  }
}

/// After its lease or its openness changed.
void Queue::refresh(Site& site) {
  const bool free = site.place.open && site.lease == 0;
  for (Class* of : site.classes) {
    if (free)
      of->free.insert(site.place.name);
    else
      of->free.erase(site.place.name);
    changed_.insert(of);
  }
}

void Queue::host_changed(const std::string& host) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  for (const std::string& name : found->second.sites)
    if (const auto site = sites_.find(name); site != sites_.end())
      changed_.insert(site->second.classes.begin(), site->second.classes.end());
}

void Queue::link(Item& item) {
  item.of = &class_for(item.want);
  item.of->lines[{item.want.priority, item.user}][item.turn] = item.id;
  changed_.insert(item.of);
}

void Queue::unlink(Item& item) {
  const auto line = item.of->lines.find({item.want.priority, item.user});
  line->second.erase(item.turn);
  if (line->second.empty()) item.of->lines.erase(line);
  Class* of = item.of;
  item.of = nullptr;
  // Classes of single places and past jobs do not pile up.
  if (!of->lines.empty()) return;
  for (const std::string& name : of->fitting) sites_.at(name).classes.erase(of);
  changed_.erase(of);
  classes_.erase(ClassKey(of->key));
}

void Queue::add_item(Item item) {
  item.id = next_item_++;
  by_key_[{item.run, item.want.key}] = item.id;
  const auto added = items_.emplace(item.id, std::move(item)).first;
  link(added->second);
}

void Queue::take_off_promise(Item& item) {
  if (item.promised_host.empty()) return;
  if (const auto host = hosts_.find(item.promised_host);
      host != hosts_.end() && host->second.promised == item.id)
    host->second.promised = 0;
  host_changed(item.promised_host);
  item.promised_host.clear();
}

void Queue::drop_item(uint64_t id) {
  const auto found = items_.find(id);
  if (found == items_.end()) return;
  take_off_promise(found->second);
  unlink(found->second);
  by_key_.erase({found->second.run, found->second.want.key});
  items_.erase(found);
}

// What comes in.

void Queue::put_place(const Place& place) {
  Site& site = sites_[place.name];
  if (site.place == place) return;
  const std::string before = site.place.name.empty() ? "" : host_of(site.place);
  const std::string now = host_of(place);
  const auto lease = leases_.find(site.lease);
  if (lease != leases_.end() && before != now) {
    count_on_host(lease->second, false);
    lease->second.host = now;
  }
  if (!before.empty() && before != now) hosts_[before].sites.erase(place.name);
  site.place = place;
  hosts_[now].sites.insert(place.name);
  if (lease != leases_.end() && before != now) count_on_host(lease->second, true);
  for (auto& [key, of] : classes_) fit(of, site);
  refresh(site);
  host_changed(now);
}

void Queue::remove_place(const std::string& name) {
  const auto found = sites_.find(name);
  if (found == sites_.end()) return;
  Place gone = found->second.place;
  gone.open = false;
  if (found->second.lease != 0) {  // its holder is still to be heard of
    put_place(gone);
    return;
  }
  put_place(gone);
  for (Class* of : found->second.classes) of->fitting.erase(name);
  const std::string host = host_of(found->second.place);
  hosts_[host].sites.erase(name);
  if (hosts_[host].sites.empty()) hosts_.erase(host);
  sites_.erase(found);
}

void Queue::set_wants(int64_t run, const std::string& user, const std::vector<Want>& wants,
                      WallTime now) {
  last_seen_ = std::max(last_seen_, now);
  std::map<std::string, uint64_t> before;
  for (auto at = by_key_.lower_bound({run, ""}); at != by_key_.end() && at->first.first == run;
       ++at)
    before[at->first.second] = at->second;
  for (const Want& want : wants) {
    if (held_keys_.contains({run, want.key})) continue;
    const auto old = before.find(want.key);
    if (old == before.end()) {
      Item item;
      item.run = run;
      item.user = user;
      item.want = want;
      item.turn = next_turn_++;
      item.since = now;
      add_item(std::move(item));
      continue;
    }
    Item& item = items_.at(old->second);
    before.erase(old);
    if (item.want == want) continue;
    unlink(item);
    item.want = want;
    link(item);
  }
  for (const auto& [key, id] : before) drop_item(id);
}

void Queue::count_on_host(Lease& lease, bool comes) {
  Host& host = hosts_[lease.host];
  if (lease.spare && comes) host.spare.insert(lease.held.lease);
  if (lease.spare && !comes) host.spare.erase(lease.held.lease);
  if (!lease.spare) host.busy += comes ? 1 : -1;
  if (lease.held.alone) host.alone = comes ? lease.held.lease : 0;
}

void Queue::hold(const Held& held, bool spare, Site& site) {
  Lease lease;
  lease.held = held;
  lease.spare = spare;
  lease.host = host_of(site.place);
  site.lease = held.lease;
  const auto added = leases_.emplace(held.lease, std::move(lease)).first;
  count_on_host(added->second, true);
  held_keys_[{held.run, held.key}] = held.lease;
  User& user = users_[held.user];
  user.running += spare ? 0 : 1;
  user.served = held.lease;
  skip_to(held.lease);
  refresh(site);
}

void Queue::restore(const Held& held, bool spare) {
  Site& site = sites_[held.place];
  if (site.place.name.empty()) {  // known by its lease alone until its agent comes
    site.place.name = held.place;
    site.place.tags = {"@gone"};
    site.place.open = false;
    hosts_[host_of(site.place)].sites.insert(held.place);
  }
  if (site.lease == 0 && !leases_.contains(held.lease)) hold(held, spare, site);
}

void Queue::skip_to(uint64_t lease) {
  next_lease_ = std::max(next_lease_, lease + 1);
}

bool Queue::release(uint64_t number) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return false;
  Lease lease = found->second;
  count_on_host(lease, false);
  leases_.erase(found);
  held_keys_.erase({lease.held.run, lease.held.key});
  if (!lease.spare) --users_[lease.held.user].running;
  Site& site = sites_.at(lease.held.place);
  site.lease = 0;
  refresh(site);
  host_changed(lease.host);
  return true;
}

std::vector<uint64_t> Queue::leases_of(int64_t run) const {
  std::vector<uint64_t> leases;
  for (auto at = held_keys_.lower_bound({run, ""});
       at != held_keys_.end() && at->first.first == run; ++at)
    leases.push_back(at->second);
  return leases;
}

void Queue::forget_run(int64_t run) {
  set_wants(run, "", {}, last_seen_);
  for (const uint64_t lease : leases_of(run)) release(lease);
}

// What goes out.

Queue::Rank Queue::rank_of(const Item& item, WallTime now) const {
  Rank rank;
  rank.tier = item.want.mate ? 0 : item.want.spare ? 2 : 1;
  const auto own = static_cast<int64_t>(item.want.priority);
  const int64_t steps = aging_.count() > 0 ? std::max<int64_t>(0, (now - item.since) / aging_) : 0;
  rank.priority = static_cast<Priority>(std::max<int64_t>(0, own - steps));
  rank.in_time = steps <= own;
  if (const auto user = users_.find(item.user); rank.in_time && user != users_.end()) {
    rank.running = user->second.running;
    rank.served = user->second.served;
  }
  rank.turn = item.turn;
  return rank;
}

bool Queue::is_host_free(const Item& item, const Rank& rank, const Host& host, WallTime now) const {
  if (host.alone != 0) return false;
  if (item.want.alone && (host.busy > 0 || !host.spare.empty())) return false;
  if (host.promised == 0 || host.promised == item.id) return true;
  const auto promised = items_.find(host.promised);
  return promised == items_.end() || rank < rank_of(promised->second, now);
}

/// A free place where it may start now; one that it avoids only when no other place could ever
/// serve.
Queue::Site* Queue::place_for(const Item& item, const Rank& rank, WallTime now) {
  const bool has_choice =
      std::any_of(item.of->fitting.begin(), item.of->fitting.end(), [&](const std::string& name) {
        return !item.want.avoid.contains(name) && sites_.at(name).place.open;
      });
  for (const std::string& name : item.of->free) {
    if (has_choice && item.want.avoid.contains(name)) continue;
    Site& site = sites_.at(name);
    if (is_host_free(item, rank, hosts_.at(host_of(site.place)), now)) return &site;
  }
  return nullptr;
}

/// The least busy host with a place for it is emptied: spare work there is asked back, and what
/// ranks behind does not start.
void Queue::promise_host(Item& item, const Rank& rank, WallTime now, Decision* decision) {
  if (!item.promised_host.empty()) return;
  std::string best;
  for (const std::string& name : item.of->fitting) {
    const Site& site = sites_.at(name);
    if (!site.place.open) continue;
    const std::string host_name = host_of(site.place);
    const Host& host = hosts_.at(host_name);
    if (host.promised != 0 && items_.contains(host.promised) &&
        rank_of(items_.at(host.promised), now) < rank)
      continue;
    if (best.empty() || host.busy < hosts_.at(best).busy) best = host_name;
  }
  if (best.empty()) return;
  Host& host = hosts_.at(best);
  if (const auto other = items_.find(host.promised); other != items_.end())
    other->second.promised_host.clear();
  host.promised = item.id;
  item.promised_host = best;
  for (const uint64_t number : host.spare) {
    Lease& lease = leases_.at(number);
    if (std::exchange(lease.recalled, true)) continue;
    decision->recalls.push_back({number, lease.held.run, lease.held.key});
  }
}

void Queue::take(uint64_t item_id, Site& site, Decision* decision) {
  const Item& item = items_.at(item_id);
  Held held;
  held.lease = next_lease_++;
  held.run = item.run;
  held.user = item.user;
  held.key = item.want.key;
  held.place = site.place.name;
  held.alone = item.want.alone;
  const bool spare = item.want.spare;
  Grant grant{held.lease, held.run, held.key, held.place, item.want.priority, item.since};
  drop_item(item_id);
  hold(held, spare, site);
  decision->grants.push_back(std::move(grant));
}

Queue::Item* Queue::best_candidate(const std::set<uint64_t>& passed_over, WallTime now) {
  Item* best = nullptr;
  Rank best_rank;
  for (const Class* of : changed_) {
    for (const auto& [line_key, line] : of->lines) {
      // Without a free place there is only a host to be emptied for the first in line.
      int left = of->free.empty() ? 1 : kLookAhead;
      for (const auto& [turn, id] : line) {
        if (left-- == 0) break;
        if (passed_over.contains(id)) continue;
        Item& item = items_.at(id);
        if (of->free.empty() && !item.want.alone) break;
        const Rank rank = rank_of(item, now);
        if (best == nullptr || rank < best_rank) {
          best = &item;
          best_rank = rank;
        }
        break;
      }
    }
  }
  return best;
}

Decision Queue::decide(WallTime now) {
  last_seen_ = std::max(last_seen_, now);
  Decision decision;
  std::set<uint64_t> passed_over;
  while (Item* item = best_candidate(passed_over, now)) {
    const Rank rank = rank_of(*item, now);
    if (Site* site = place_for(*item, rank, now)) {
      take(item->id, *site, &decision);
      continue;
    }
    if (item->want.alone) promise_host(*item, rank, now, &decision);
    passed_over.insert(item->id);
  }
  changed_.clear();
  return decision;
}

std::vector<Waiting> Queue::waiting() const {
  std::vector<std::pair<Rank, const Item*>> order;
  order.reserve(items_.size());
  for (const auto& [id, item] : items_) order.emplace_back(rank_of(item, last_seen_), &item);
  std::sort(order.begin(), order.end());
  std::vector<Waiting> out;
  for (const auto& [rank, item] : order)
    out.push_back({item->run, item->user, item->want, item->since, why_waiting(*item)});
  return out;
}

std::string Queue::why_waiting(const Item& item) const {
  if (item.of->fitting.empty()) {
    if (!item.want.place.empty()) return item.want.place + " is not connected";
    return fmt::format("no machine has the tags {}",
                       fmt::join(item.want.tags.begin(), item.want.tags.end(), ", "));
  }
  std::string closed;
  for (const std::string& name : item.of->fitting) {
    const Site& site = sites_.at(name);
    if (!site.place.open) {
      closed += (closed.empty() ? "" : ", ") + name;
      continue;
    }
    if (const auto lease = leases_.find(site.lease); lease != leases_.end())
      return fmt::format("{} works for run {}", name, lease->second.held.run);
    return fmt::format("the computer of {} is busy", name);
  }
  return closed + " takes no work now";
}

std::vector<Held> Queue::held() const {
  std::vector<Held> out;
  for (const auto& [number, lease] : leases_) out.push_back(lease.held);
  return out;
}

}  // namespace kiln::lab
