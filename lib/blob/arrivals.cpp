#include "lib/blob/arrivals.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/os/eviction.h"

namespace kiln::blob {
namespace {

tl::unexpected<Error> no_digest(const std::string& text) {
  return fail(ErrorKind::kBadInput, fmt::format("\"{}\" is no sha256 of an artifact", text));
}

}  // namespace

Arrival::Arrival(Arrival&& other) noexcept
    : owner_(other.owner_),
      digest_(std::move(other.digest_)),
      fd_(std::exchange(other.fd_, -1)),
      received_(other.received_),
      size_(other.size_) {}

Arrival::~Arrival() {
  if (fd_ < 0) return;
  ::close(fd_);
  owner_->arriving_.lock()->erase(digest_);
}

Status Arrival::write(std::string_view bytes) {
  if (bytes.size() > size_ - received_)
    return fail(ErrorKind::kBadInput,
                fmt::format("more than the {} bytes that were announced", size_));
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail(os::errno_error("write", owner_->part(digest_), errno));
    bytes.remove_prefix(static_cast<size_t>(done));
    received_ += static_cast<uint64_t>(done);
  }
  return {};
}

Status Arrival::commit() {
  if (received_ != size_)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} of {} bytes arrived", received_, size_));
  const os::Path part = owner_->part(digest_);
  KILN_ASSIGN(const std::string stored, owner_->store_.put_file(part));
  ::unlink(part.c_str());
  if (stored == digest_) return {};
  return fail(ErrorKind::kInfrastructure,
              fmt::format("the bytes have the digest {}, not {}", stored, digest_));
}

Result<Arrivals::State> Arrivals::ask(const std::string& digest) {
  if (!is_digest(digest)) return no_digest(digest);
  if (store_.claim(digest)) return State{true, 0};
  const auto size = os::file_size(part(digest));
  return State{false, size ? *size : 0};
}

Result<Arrival> Arrivals::begin(const std::string& digest, uint64_t size, uint64_t offset) {
  if (!is_digest(digest)) return no_digest(digest);
  if (offset > size)
    return fail(ErrorKind::kBadInput, fmt::format("bytes from {} on of {}", offset, size));
  KILN_TRY(os::make_dirs(folder_));
  KILN_TRY(make_room());
  if (!arriving_.lock()->insert(digest).second)
    return fail(ErrorKind::kConflict,
                fmt::format("artifact {} is arriving already", digest.substr(0, 12)));
  const os::Path path = part(digest);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    arriving_.lock()->erase(digest);
    return fail(os::errno_error("write", path, errno));
  }
  Arrival arrival(*this, digest, fd, offset, size);
  const off_t have = ::lseek(fd, 0, SEEK_END);
  if (have < static_cast<off_t>(offset))
    return fail(ErrorKind::kBadInput,
                fmt::format("only {} bytes before {} are here", have, offset));
  if (::ftruncate(fd, static_cast<off_t>(offset)) != 0 ||
      ::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0)
    return fail(os::errno_error("write", path, errno));
  return arrival;
}

Status Arrivals::make_room() {
  auto arriving = arriving_.lock();
  return os::evict_files(folder_, most_left_,
                         [&](const os::Path& name) { return arriving->contains(name.string()); });
}

}  // namespace kiln::blob
