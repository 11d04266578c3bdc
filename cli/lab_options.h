#pragma once
/// What the lab's commands get from the command line. Plain data.
#include <string>

namespace kiln::cli {

struct LabOptions {
  std::string lab;     ///< context's name or address; "" = KILN_LAB, else none: this computer
  std::string series;  ///< of submit: folder, mbox, or git range "REPO base..tip"
  std::string priority = "interactive";
  bool wait = false;
  std::string machine;
  std::string reason;
  std::string duration = "1h";
  std::string timeout;  ///< of watch, "" = none
  std::string until = "done";
};

}  // namespace kiln::cli
