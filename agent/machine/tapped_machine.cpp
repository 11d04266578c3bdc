#include "agent/machine/tapped_machine.h"

namespace kiln::agent {

TappedMachine::TappedMachine(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {
  attach({});
}

TappedMachine::~TappedMachine() {
  machine_->console().attach({});
}

void TappedMachine::attach(std::function<void(std::string_view)> sink) {
  machine_->console().attach([this, sink = std::move(sink)](std::string_view bytes) {
    taps_.feed(bytes);
    if (sink) sink(bytes);
  });
}

}  // namespace kiln::agent
