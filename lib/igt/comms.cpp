#include "lib/igt/comms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace kiln::igt {
namespace {

constexpr std::string_view kCanary = "1TGI";
constexpr size_t kHeaderBytes = 16;
constexpr size_t kFrameBytes = kCanary.size() + kHeaderBytes;
/// A datagram cannot be larger than the socket's buffer, far below this.
constexpr size_t kMaxPacketBytes = 8 << 20;

uint32_t read_u32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

/// The text up to its NUL (or the end), taken off the front.
std::string_view take_text(std::string_view& data) {
  const size_t end = std::min(data.find('\0'), data.size());
  const std::string_view text = data.substr(0, end);
  data.remove_prefix(std::min(end + 1, data.size()));
  return text;
}

/// Seconds as IGT prints them; 0 for anything that is no sensible duration.
double take_seconds(std::string_view& data) {
  const std::string text(take_text(data).substr(0, 40));
  const double seconds = std::strtod(text.c_str(), nullptr);
  return seconds >= 0 && seconds < 1e9 ? seconds : 0;
}

}  // namespace

void CommsReader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  std::string_view rest = buffer_;
  while (rest.size() >= kFrameBytes) {
    const size_t size = read_u32(rest, 4);
    if (!rest.starts_with(kCanary) || size < kHeaderBytes || size > kMaxPacketBytes) {
      const size_t next = rest.find(kCanary, 1);
      // Keep what may be the beginning of a canary that the next portion completes.
      const size_t skip =
          next == std::string_view::npos ? rest.size() - (kCanary.size() - 1) : next;
      skipped_ += skip;
      rest.remove_prefix(skip);
      continue;
    }
    if (rest.size() < kCanary.size() + size) break;
    packet(read_u32(rest, 8), rest.substr(kFrameBytes, size - kHeaderBytes));
    rest.remove_prefix(kCanary.size() + size);
  }
  buffer_.erase(0, buffer_.size() - rest.size());
}

std::string CommsReader::finish() {
  std::string what;
  if (skipped_ > 0) what = fmt::format("{} bytes that are no packet skipped", skipped_);
  if (!buffer_.empty()) what += what.empty() ? "ends within a packet" : ", ends within a packet";
  buffer_.clear();
  return what;
}

void CommsReader::packet(unsigned type, std::string_view data) {
  if (type != 2) used_ = true;
  switch (type) {
    case 1: {
      if (data.empty()) return;
      const bool is_err = data.front() != 1;
      data.remove_prefix(1);
      into_->log(is_err, take_text(data));
      return;
    }
    case 2: {
      std::string_view program = take_text(data);
      program = program.substr(0, program.find(' '));
      if (const size_t slash = program.rfind('/'); slash != std::string_view::npos)
        program.remove_prefix(slash + 1);
      if (binary_.empty()) binary_ = std::string(program.substr(0, 128));
      into_->executed();
      return;
    }
    case 3: {
      if (data.size() < 4) return;
      const auto code = static_cast<int32_t>(read_u32(data, 0));
      data.remove_prefix(4);
      into_->exited(code, take_seconds(data));
      return;
    }
    case 4:
      into_->subtest_started(take_text(data));
      return;
    case 6:
      into_->dynamic_started(take_text(data));
      return;
    case 5:
    case 7: {
      const std::string_view name = take_text(data);
      const std::string_view word = take_text(data);
      const double seconds = take_seconds(data);
      const std::string_view reason = take_text(data);
      if (name.empty()) return;
      if (type == 5)
        into_->subtest_ended(name, word, seconds, reason);
      else
        into_->dynamic_ended(name, word, seconds, reason);
      return;
    }
    case 8:
      version_ = std::string(take_text(data).substr(0, 256));
      return;
    case 9:
      into_->overridden(take_text(data));
      return;
    default:
      return;
  }
}

}  // namespace kiln::igt
