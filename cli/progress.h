#pragma once
/// Live progress of a run on stderr: a block of lines that is redrawn on a terminal, plain lines
/// elsewhere. Used by one thread.
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "kiln/v1/lab.pb.h"

namespace kiln::cli {

class Progress {
 public:
  Progress(Terminal terminal, ProgressMode mode) : terminal_(terminal), mode_(mode) {}

  void event(const v1::RunEvent& event);
  /// A line that stays, above the live block.
  void say(const std::string& line);
  /// Called about once a second: redraws times, prints the heartbeat line each minute.
  void tick();
  /// Takes the live block away.
  void finish();
  [[nodiscard]] const std::string& last_console_line() const { return last_console_; }

 private:
  struct Row {
    std::string text;
    std::string state;
    std::chrono::steady_clock::time_point since;
    int done = 0;
    int total = 0;
  };
  void draw();
  void erase();
  std::string headline() const;
  std::string row_text(const std::string& name, const Row& row) const;
  void plain(const v1::RunEvent& event, const std::string& text);

  Terminal terminal_;
  ProgressMode mode_;
  std::map<std::string, Row> rows_;  ///< what runs now, by cell or session
  std::string phase_;
  std::string last_console_;
  int drawn_lines_ = 0;
  int done_ = 0;
  int total_ = 0;
  double elapsed_ = 0;
  double remaining_ = -1;
  std::chrono::steady_clock::time_point elapsed_at_{};
  std::chrono::steady_clock::time_point last_draw_{};
  std::chrono::steady_clock::time_point last_line_{};
};

}  // namespace kiln::cli
