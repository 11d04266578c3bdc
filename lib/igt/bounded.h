#pragma once
/// Text that keeps its beginning and its end when it grows too long. Pure.
#include <string>
#include <string_view>

namespace kiln::igt {

/// Room that many texts share; what does not fit any more is counted, not kept.
struct Budget {
  size_t left = 0;
};

class BoundedText {
 public:
  explicit BoundedText(size_t capacity = 64 << 10) : capacity_(capacity) {}

  void append(std::string_view text, Budget* budget = nullptr);
  [[nodiscard]] bool empty() const { return head_.empty() && tail_.empty() && dropped_ == 0; }
  /// Head, a line `[... 123 bytes left out ...]` when something was, tail.
  [[nodiscard]] std::string str() const;

 private:
  [[nodiscard]] size_t head_room() const { return capacity_ / 4; }
  [[nodiscard]] size_t tail_room() const { return capacity_ - capacity_ / 4; }

  size_t capacity_;
  size_t dropped_ = 0;
  std::string head_;
  std::string tail_;  ///< up to twice its room, so that it is cut seldom
};

}  // namespace kiln::igt
