#include "lib/report/lab_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(LabLists, MachinesSayHowTheyAreAndWhy) {
  v1::ListMachinesReply reply;
  EXPECT_THAT(machines_to_text(reply), HasSubstr("kiln-agent"));
  v1::Machine* machine = reply.add_machines();
  machine->set_name("qemu-1");
  machine->set_state("held");
  machine->set_agent("rack-1");
  machine->add_tags("qemu");
  machine->mutable_hold()->set_user("ann");
  machine->mutable_hold()->set_reason("a \x1b[31mhang");
  machine->mutable_hold()->mutable_until()->set_seconds(1'790'000'000);
  const std::string text = machines_to_text(reply);
  EXPECT_THAT(text, HasSubstr("qemu-1   held   rack-1  qemu  ann until 2026-"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(LabLists, AQuarantinedMachineSaysWhyAndWhenItIsChecked) {
  v1::ListMachinesReply reply;
  v1::Machine* machine = reply.add_machines();
  machine->set_name("m1");
  machine->set_state("quarantined");
  machine->set_why("3 sessions in a row");
  machine->set_check("run 31 checks it now");
  EXPECT_THAT(machines_to_text(reply), HasSubstr("3 sessions in a row; run 31 checks it now"));
}

TEST(LabLists, TheQueueSaysWhatRunsAndWhyTheRestWaits) {
  v1::ListQueueReply reply;
  EXPECT_EQ(queue_to_text(reply, WallTime{}), "nothing runs and nothing waits\n");
  v1::QueueItem* runs = reply.add_running();
  runs->set_run_id(4);
  runs->set_user("ann");
  runs->set_place("m1");
  runs->set_what("functional/patched/hm");
  v1::QueueItem* waits = reply.add_waiting();
  waits->set_run_id(5);
  waits->set_user("bob");
  waits->set_priority("nightly");
  waits->set_what("build k1");
  waits->set_why("builds 1 works for run 4");
  waits->mutable_since()->set_seconds(100);
  const std::string text = queue_to_text(reply, WallTime(Millis(161'000)));
  EXPECT_THAT(text, HasSubstr("run 4  ann   m1  functional/patched/hm"));
  EXPECT_THAT(text, HasSubstr("run 5  bob   nightly   1 min"));
  EXPECT_THAT(text, HasSubstr("builds 1 works for run 4"));
}

}  // namespace
}  // namespace kiln::report
