#include "agent/link/outbox.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <set>

namespace kiln::agent {
namespace {

constexpr uint64_t kMaxDone = 64ULL << 20;

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(const os::Path& folder) {
  KILN_TRY(os::make_dirs(folder / "blobs"));
  std::unique_ptr<Outbox> outbox(new Outbox(folder));
  KILN_TRY(outbox->load());
  return outbox;
}

os::Path Outbox::file(int64_t session_id, std::string_view suffix) const {
  return folder_ / fmt::format("{}.{}", session_id, suffix);
}

os::Path Outbox::blob(const std::string& digest) const {
  return folder_ / "blobs" / digest;
}

Status Outbox::load() {
  KILN_ASSIGN(const auto files, os::list_files(folder_));
  for (const os::Path& name : files) {
    int64_t id = 0;
    const std::string stem = name.stem().string();
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), id);
    if (name.has_parent_path() || error != std::errc() || end != stem.data() + stem.size())
      continue;
    if (name.extension() == ".done") {
      KILN_ASSIGN(const std::string bytes, os::read_file(folder_ / name, kMaxDone));
      v1::SessionDone done;
      // Written atomically; should it be damaged all the same, the controller's own time limit
      // for the session holds.
      if (done.ParseFromString(bytes) && done.session().id() == id)
        (*done_.lock())[id] = std::move(done);
    }
  }
  for (const os::Path& name : files) {
    int64_t id = 0;
    const std::string stem = name.stem().string();
    std::from_chars(stem.data(), stem.data() + stem.size(), id);
    if (!name.has_parent_path() && name.extension() == ".running")
      KILN_TRY(adopt_running(folder_ / name, id));
  }
  return {};
}

Status Outbox::adopt_running(const os::Path& path, int64_t id) {
  if (!holds(id)) {
    v1::SessionDone done;
    KILN_ASSIGN(const std::string bytes, os::read_file(path, kMaxDone));
    if (!done.ParseFromString(bytes)) done.Clear();
    done.mutable_session()->set_id(id);
    done.mutable_session()->set_ending("infrastructure");
    done.mutable_session()->set_error("the agent ended while the session was running");
    done.set_error_class("INFRA_AGENT");
    KILN_TRY(finished(done));
  }
  ::unlink(path.c_str());
  return {};
}

Status Outbox::began(int64_t session_id, uint64_t lease_epoch, const std::string& machine) {
  v1::SessionDone done;
  done.set_lease_epoch(lease_epoch);
  done.mutable_session()->set_id(session_id);
  done.mutable_session()->set_machine(machine);
  return os::write_atomic(file(session_id, "running"), done.SerializeAsString());
}

Status Outbox::finished(const v1::SessionDone& done) {
  const int64_t id = done.session().id();
  auto all = done_.lock();
  // In memory in any case: a full disk here must not lose what the controller could store.
  (*all)[id] = done;
  KILN_TRY(os::write_atomic(file(id, "done"), done.SerializeAsString()));
  ::unlink(file(id, "running").c_str());
  return {};
}

void Outbox::acknowledged(int64_t session_id) {
  auto all = done_.lock();
  const auto found = all->find(session_id);
  if (found == all->end()) return;
  const auto artifacts = found->second.session().artifacts();
  all->erase(found);
  ::unlink(file(session_id, "done").c_str());
  ::unlink(file(session_id, "running").c_str());
  std::set<std::string> needed;
  for (const auto& [id, done] : *all)
    for (const auto& [name, digest] : done.session().artifacts()) needed.insert(digest);
  for (const auto& [name, digest] : artifacts)
    if (!needed.contains(digest)) ::unlink(blob(digest).c_str());
}

std::vector<v1::SessionDone> Outbox::unsent() const {
  auto all = done_.lock();
  std::vector<v1::SessionDone> out;
  for (const auto& [id, done] : *all) out.push_back(done);
  return out;
}

bool Outbox::holds(int64_t session_id) const {
  return done_.lock()->contains(session_id);
}

Result<std::string> Outbox::keep(const os::Path& path) {
  KILN_ASSIGN(const std::string digest, os::sha256_file(path));
  if (::rename(path.c_str(), blob(digest).c_str()) != 0)
    return fail(os::errno_error("move", path, errno));
  return digest;
}

}  // namespace kiln::agent
