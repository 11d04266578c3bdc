#pragma once
/// What the hub's two threads and its lines share; for this folder.
#include "agent/serial/hub.h"

namespace kiln::agent {

struct HubLine::State {
  enum class At {
    kWaiting,     ///< until `due`, then to the opener
    kOpening,     ///< the opener has it; nobody else touches port and fd
    kConnecting,  ///< a socket's connection is under way, until `due`
    kUp,
    kGone,  ///< removed and closed: the reader forgets it
  };
  ConsoleHub* hub = nullptr;
  std::unique_ptr<SerialPort> port;
  LineEvents events;

  // Of the thread that has it (see At).
  int fd = -1;
  bool heard = false;  ///< bytes came since the last quiet()
  std::chrono::steady_clock::time_point last_byte;
  std::chrono::steady_clock::time_point up_since;

  std::atomic<uint64_t> count{0};
  std::mutex mutex;  ///< of all below
  At at = At::kWaiting;
  bool remove = false;  ///< asked for; the opener answers with kGone
  std::chrono::steady_clock::time_point due;
  Millis retry{0};
  std::string trouble = "not open yet";
  std::string outgoing;  ///< encoded
  std::string writer;    ///< who has the right, "" = nobody
};

}  // namespace kiln::agent
