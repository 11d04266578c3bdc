#pragma once
/// The `comms` file that igt_runner (from 1.27 on) writes for each test: the packets that the test
/// sent over its socket. A packet, all numbers little endian:
///   "1TGI"  u32 size (header and data, at least 16)  u32 type  i32 pid  i32 tid  data
/// Types and data (z = text that ends with NUL):
///   1 log: u8 stream (1 stdout, 2 stderr), z text      2 exec: z command line
///   3 exit: i32 code, z seconds                        4 subtest start: z name
///   5 subtest result: z name, z word, z seconds, z reason
///   6, 7 the same for a dynamic subtest                8 version: z text
///   9 result override: z outcome, lower case
/// Pure. Internal.
#include <string>
#include <string_view>

#include "lib/igt/collector.h"

namespace kiln::igt {

/// Reads a stream of packets in portions of any size into a Collector. What is damaged is skipped
/// up to the next packet.
class CommsReader {
 public:
  explicit CommsReader(Collector& into) : into_(&into) {}

  void feed(std::string_view bytes);
  /// No more bytes come. "" or what was unreadable: "ends within a packet", "12 bytes that are no
  /// packet skipped".
  std::string finish();
  /// A packet other than exec came: the test speaks over its socket, and the text files hold only
  /// what it printed past IGT.
  [[nodiscard]] bool used() const { return used_; }
  /// argv[0] of the test, without folders; "" when no exec packet came.
  [[nodiscard]] const std::string& binary() const { return binary_; }
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  void packet(unsigned type, std::string_view data);

  Collector* into_;
  std::string buffer_;
  size_t skipped_ = 0;
  bool used_ = false;
  std::string binary_;
  std::string version_;
};

}  // namespace kiln::igt
