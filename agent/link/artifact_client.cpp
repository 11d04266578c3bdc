#include "agent/link/artifact_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <vector>

#include "lib/os/eviction.h"
#include "lib/rpc/status.h"

namespace kiln::agent {
namespace {

constexpr std::chrono::milliseconds kTransferLimit{600'000};
constexpr std::chrono::milliseconds kAskLimit{30'000};
constexpr std::chrono::milliseconds kLook{
    250};  ///< whether another fetch has ended, or a stop came
constexpr size_t kChunk = 512 << 10;
constexpr int kTries = 3;

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// The bytes of an earlier try; 0 when there is none.
Result<uint64_t> add_to(os::Sha256* hash, const os::Path& part) {
  std::ifstream file(part, std::ios::binary);
  std::vector<char> buffer(kChunk);
  uint64_t size = 0;
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash->update({buffer.data(), static_cast<size_t>(file.gcount())});
    size += static_cast<uint64_t>(file.gcount());
  }
  if (file.bad()) return fail(os::errno_error("read", part, errno));
  return size;
}

}  // namespace

Result<os::Path> ArtifactClient::fetch(const std::string& digest, std::stop_token stop) {
  if (!is_digest(digest))
    return fail(ErrorKind::kBadInput, fmt::format("\"{}\" is no sha256 of an artifact", digest));
  {
    auto fetching = fetching_.lock();
    const auto deadline = std::chrono::steady_clock::now() + kTransferLimit;
    while (fetching->contains(digest)) {
      if (stop.stop_requested() || std::chrono::steady_clock::now() > deadline)
        return fail(ErrorKind::kCancelled, "the fetch was stopped");
      fetching.wait_until(std::chrono::steady_clock::now() + kLook,
                          [&] { return !fetching->contains(digest); });
    }
    fetching->insert(digest);
  }
  auto path = fetch_alone(digest, stop);
  auto fetching = fetching_.lock();
  fetching->erase(digest);
  fetching.notify_all();
  return path;
}

Result<os::Path> ArtifactClient::fetch_alone(const std::string& digest,
                                             const std::stop_token& stop) {
  const os::Path target = cache_ / digest;
  if (const auto have = os::sha256_file(target); have && *have == digest) {
    ::utimensat(AT_FDCWD, target.c_str(), nullptr, 0);  // used now: trim() takes the oldest first
    return target;
  }
  KILN_TRY(os::make_dirs(cache_));
  const os::Path part = cache_ / (digest + ".part");
  for (int attempt = 1;; ++attempt) {
    auto done = download(digest, part, stop);
    if (done) break;
    const ErrorKind kind = done.error().kind;
    if (attempt == kTries || kind == ErrorKind::kNotFound || kind == ErrorKind::kCancelled ||
        kind == ErrorKind::kNoSpace)
      return fail(std::move(done.error()));
  }
  if (::rename(part.c_str(), target.c_str()) != 0)
    return fail(os::errno_error("store the artifact", target, errno));
  return target;
}

/// Leaves in `to` what has come, unless that cannot be the artifact's beginning.
Status ArtifactClient::download(const std::string& digest, const os::Path& to,
                                std::stop_token stop) {
  os::Sha256 hash;
  KILN_ASSIGN(const uint64_t have, add_to(&hash, to));
  grpc::ClientContext context;
  rpc::set_deadline(context, kTransferLimit);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::FetchArtifactRequest request;
  request.set_digest(digest);
  request.set_offset(static_cast<int64_t>(have));
  auto reader = stub_->FetchArtifact(&context, request);
  std::ofstream file(to, std::ios::binary | std::ios::app);
  v1::Chunk chunk;
  while (reader->Read(&chunk)) {
    hash.update(chunk.data());
    file.write(chunk.data().data(), static_cast<std::streamsize>(chunk.data().size()));
    if (!file) break;
  }
  file.close();
  if (!file) {
    context.TryCancel();
    (void)reader->Finish();
    ::unlink(to.c_str());  // room for others
    return fail(ErrorKind::kNoSpace, fmt::format("cannot write {}", to.string()));
  }
  const grpc::Status status = reader->Finish();
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the fetch was stopped");
  if (!status.ok()) {
    const bool useless = status.error_code() == grpc::StatusCode::OUT_OF_RANGE ||
                         status.error_code() == grpc::StatusCode::NOT_FOUND;
    if (useless) ::unlink(to.c_str());
    return fail(rpc::from_grpc(status, fmt::format("fetching artifact {}", digest.substr(0, 12))));
  }
  if (const std::string got = hash.hex(); got != digest) {
    ::unlink(to.c_str());
    return fail(ErrorKind::kInfrastructure,
                fmt::format("artifact {} arrived as {}", digest.substr(0, 12), got.substr(0, 12)));
  }
  return {};
}

Status ArtifactClient::send(const std::string& digest, std::stop_token stop) {
  return upload(outbox_.blob(digest), digest, std::move(stop));
}

Result<std::string> ArtifactClient::send_file(const os::Path& path, std::stop_token stop) {
  KILN_ASSIGN(std::string digest, os::sha256_file(path));
  KILN_TRY(upload(path, digest, std::move(stop)));
  return digest;
}

Result<uint64_t> ArtifactClient::already_there(const std::string& digest, uint64_t size,
                                               const std::stop_token& stop) {
  if (size <= kChunk) return 0;  // as soon sent as asked for
  grpc::ClientContext context;
  rpc::set_deadline(context, kAskLimit);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::AskArtifactRequest request;
  request.set_digest(digest);
  v1::AskArtifactReply reply;
  const grpc::Status status = stub_->AskArtifact(&context, request, &reply);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return 0;  // an older controller
  if (!status.ok())
    return fail(
        rpc::from_grpc(status, fmt::format("asking for artifact {}", digest.substr(0, 12))));
  if (reply.stored()) return size;
  return std::min(size - 1, static_cast<uint64_t>(std::max<int64_t>(0, reply.received())));
}

Status ArtifactClient::upload(const os::Path& path, const std::string& digest,
                              std::stop_token stop) {
  KILN_ASSIGN(const uint64_t size, os::file_size(path));
  KILN_ASSIGN(const uint64_t there, already_there(digest, size, stop));
  if (size > 0 && there == size) return {};
  grpc::ClientContext context;
  rpc::set_deadline(context, kTransferLimit);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::PutArtifactReply reply;
  auto writer = stub_->PutArtifact(&context, &reply);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(there));
  std::vector<char> buffer(kChunk);
  v1::Chunk chunk;
  chunk.set_digest(digest);
  chunk.set_size(static_cast<int64_t>(size));
  chunk.set_offset(static_cast<int64_t>(there));
  bool first = true;
  while (first || file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (!first && file.gcount() == 0) break;
    chunk.set_data(buffer.data(), static_cast<size_t>(file.gcount()));
    // A refused write means that the server has answered already.
    if (!writer->Write(chunk)) break;
    first = false;
    chunk.clear_digest();
    chunk.clear_size();
    chunk.clear_offset();
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the transfer was stopped");
  if (status.ok()) return {};
  return fail(rpc::from_grpc(status, fmt::format("sending artifact {}", digest.substr(0, 12))));
}

void ArtifactClient::trim(uint64_t max_bytes) {
  // A file that cannot be removed now is tried again before the next session.
  (void)os::evict_files(cache_, max_bytes);
}

}  // namespace kiln::agent
