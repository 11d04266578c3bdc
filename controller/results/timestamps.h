#pragma once
/// Wall time and the wire's Timestamp; milliseconds are kept. Pure.
#include <google/protobuf/timestamp.pb.h>

#include "lib/base/clock.h"

namespace kiln::results {

inline WallTime from_timestamp(const google::protobuf::Timestamp& time) {
  return WallTime(Millis(time.seconds() * 1000 + time.nanos() / 1'000'000));
}

inline void set_timestamp(WallTime time, google::protobuf::Timestamp* out) {
  const int64_t ms = time.time_since_epoch().count();
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int>(ms % 1000 * 1'000'000));
}

}  // namespace kiln::results
