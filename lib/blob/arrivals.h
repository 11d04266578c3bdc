#pragma once
/// Blobs that come in pieces over connections that break: what has arrived stays, so that the rest
/// is enough.
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/sync.h"
#include "lib/blob/blob_store.h"

namespace kiln::blob {

class Arrivals;

/// One blob on its way in. Used by one thread at a time; what it wrote stays when it ends early.
class Arrival {
 public:
  Arrival(Arrival&&) noexcept;
  Arrival& operator=(Arrival&&) = delete;
  ~Arrival();
  /// kNoSpace; kBadInput for more bytes than were announced.
  Status write(std::string_view bytes);
  /// Into the store. kInfrastructure when bytes are missing (they may come later) or are not those
  /// of the digest (all of them are dropped).
  Status commit();

 private:
  friend class Arrivals;
  Arrival(Arrivals& owner, std::string digest, int fd, uint64_t received, uint64_t size)
      : owner_(&owner), digest_(std::move(digest)), fd_(fd), received_(received), size_(size) {}
  Arrivals* owner_;
  std::string digest_;
  int fd_;
  uint64_t received_;
  uint64_t size_;
};

/// Safe for concurrent use. Nothing here is made durable: a torn file has another digest.
class Arrivals {
 public:
  /// Of what stays in `folder` at most `most_left` bytes are kept, the newest.
  Arrivals(BlobStore& store, os::Path folder, uint64_t most_left = 4ULL << 30)
      : store_(store), folder_(std::move(folder)), most_left_(most_left) {}

  struct State {
    bool stored = false;
    uint64_t received = 0;  ///< bytes of an earlier try
  };
  /// A stored blob counts as put now. kBadInput when it is no digest.
  Result<State> ask(const std::string& digest);
  /// The blob's bytes from `offset` on are about to come; 0 begins anew. kConflict while another
  /// Arrival of it lives, kBadInput when bytes before `offset` are not here.
  Result<Arrival> begin(const std::string& digest, uint64_t size, uint64_t offset);

 private:
  friend class Arrival;
  [[nodiscard]] os::Path part(const std::string& digest) const { return folder_ / digest; }
  Status make_room();

  BlobStore& store_;
  os::Path folder_;
  uint64_t most_left_;
  Sync<std::set<std::string>> arriving_;
};

}  // namespace kiln::blob
