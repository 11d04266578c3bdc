#include "lib/igt/bounded.h"

#include <algorithm>

namespace kiln::igt {

void BoundedText::append(std::string_view text, Budget* budget) {
  if (head_.size() < head_room() && dropped_ == 0) {
    size_t count = std::min(text.size(), head_room() - head_.size());
    if (budget) count = std::min(count, budget->left);
    head_.append(text.substr(0, count));
    text.remove_prefix(count);
    if (budget) budget->left -= count;
  }
  if (text.empty()) return;
  if (text.size() > tail_room()) {
    dropped_ += text.size() - tail_room();
    text.remove_prefix(text.size() - tail_room());
  }
  if (budget && budget->left < text.size()) {
    // The room is gone: this text only rolls on within what it has.
    const size_t room = std::min(tail_.size() + budget->left, tail_room());
    budget->left = 0;
    tail_.append(text);
    const size_t excess = tail_.size() - std::min(tail_.size(), room);
    dropped_ += excess;
    tail_.erase(0, excess);
    return;
  }
  if (budget) budget->left -= text.size();
  tail_.append(text);
  if (tail_.size() <= 2 * tail_room()) return;
  const size_t excess = tail_.size() - tail_room();
  dropped_ += excess;
  tail_.erase(0, excess);
  if (budget) budget->left += excess;
}

std::string BoundedText::str() const {
  const size_t excess = tail_.size() - std::min(tail_.size(), tail_room());
  const size_t left_out = dropped_ + excess;
  if (left_out == 0) return head_ + tail_;
  std::string text = head_;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += "[... " + std::to_string(left_out) + " bytes left out ...]\n";
  return text + tail_.substr(excess);
}

}  // namespace kiln::igt
