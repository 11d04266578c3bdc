/// What the tests' jobs run: kilnd's build-worker without the rest of kilnd.
#include "controller/builder/worker.h"

int main(int argc, char** argv) {
  return argc == 2 ? kiln::builder::worker_main(argv[1], "test") : 2;
}
