#pragma once
/// Why a test did not simply pass, in one line for people. Pure.
#include <string>
#include <string_view>

namespace kiln::igt {

/// What is known of one test.
struct Evidence {
  std::string_view outcome;
  std::string_view out;
  std::string_view err;
  std::string_view kernel_words;
  std::string_view told;  ///< the reason that the test itself sent, "" = none
};

/// "" for a pass; else the requirement not met, the failed assertion, the signal, the kernel's
/// first word. At most 300 bytes of valid UTF-8 without addresses or process ids where IGT prints
/// them apart from the message.
std::string reason_of(const Evidence& evidence);

}  // namespace kiln::igt
