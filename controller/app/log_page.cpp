#include "controller/app/log_page.h"

#include <algorithm>

namespace kiln::controller {

bool LineCutter::put() {
  if (!rest_.empty() && rest_.back() == '\r') rest_.pop_back();
  if (cut_) rest_ += "...";
  const bool more = line_(++lines_, rest_);
  rest_.clear();
  cut_ = begun_ = false;
  return more;
}

bool LineCutter::take(std::string_view bytes) {
  bytes_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const size_t room = kMostLine - std::min(kMostLine, rest_.size());
    rest_ += part.substr(0, room);
    cut_ = cut_ || part.size() > room;
    begun_ = true;
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    if (!put()) return false;
  }
  return true;
}

void LineCutter::finish() {
  if (begun_) (void)put();
}

bool LogPage::take(int64_t number, std::string_view line) {
  if (number < first_) return true;
  if (lines_.empty()) first_line_ = number;
  lines_.emplace_back(line);
  bytes_ += line.size();
  const bool from_the_end = first_ == 0;
  while (from_the_end && lines_.size() > 1 && (lines_.size() > count_ || bytes_ > kMostBytes)) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    ++first_line_;
  }
  return from_the_end || (lines_.size() < count_ && bytes_ < kMostBytes);
}

}  // namespace kiln::controller
