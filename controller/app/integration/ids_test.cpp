/// Ids that try to leave their place, in every field of every call that a user or an agent can
/// make, against a whole controller: nothing outside of its data folder is read or written.
#include <gmock/gmock.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <set>

#include "controller/app/controller.h"
#include "kiln/v1/access.pb.h"
#include "kiln/v1/agent.pb.h"
#include "kiln/v1/lab.grpc.pb.h"
#include "kiln/v1/machines.pb.h"
#include "kiln/v1/review.pb.h"
#include "kiln/v1/schedule.pb.h"
#include "lib/access/role.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

namespace fs = std::filesystem;
namespace pb = google::protobuf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "what nobody may read from here";

/// Every text of the message is the id; whatever is counted is one.
void fill(pb::Message* message, const std::string& id, int depth = 0) {
  const pb::Reflection& reflection = *message->GetReflection();
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const pb::FieldDescriptor* field = message->GetDescriptor()->field(i);
    const auto type = field->cpp_type();
    if (field->is_map()) continue;
    if (type == pb::FieldDescriptor::CPPTYPE_STRING) {
      if (field->is_repeated())
        reflection.AddString(message, field, id);
      else
        reflection.SetString(message, field, id);
    }
    if (type == pb::FieldDescriptor::CPPTYPE_INT64 && !field->is_repeated())
      reflection.SetInt64(message, field, 1);
    if (type == pb::FieldDescriptor::CPPTYPE_MESSAGE && depth < 3)
      fill(field->is_repeated() ? reflection.AddMessage(message, field)
                                : reflection.MutableMessage(message, field),
           id, depth + 1);
  }
}

std::string call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                 const std::string& bytes, grpc::Status* status) {
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(5'000));
  grpc::GenericStub stub(channel);
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer answer;
  grpc::CompletionQueue queue;
  const auto reader = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  reader->StartCall();
  reader->Finish(&answer, status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  std::string out = status->error_message() + status->error_details();
  if (answer.Valid() && answer.Dump(&slices).ok())
    for (const grpc::Slice& each : slices)
      out.append(reinterpret_cast<const char*>(each.begin()), each.size());
  return out;
}

class IdsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(os::write_atomic(temp_.path() / "secret", kSecret));
    ControllerOptions options;
    options.data_dir = temp_.path() / "data";
    options.ccache_dir = temp_.path() / "ccache";
    options.serves_a_lab = true;
    auto opened = Controller::open(options);
    ASSERT_TRUE(opened) << render(opened.error());
    controller_ = std::move(*opened);
    channel_ = rpc::make_channel(controller_->target());
  }
  [[nodiscard]] std::set<std::string> outside() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(temp_.path()))
      names.insert(entry.path().filename().string());
    return names;
  }

  os::TempFolder temp_ = std::move(*os::TempFolder::make("/tmp", "ids-test"));
  std::unique_ptr<Controller> controller_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(IdsTest, NoneLeavesItsPlaceInAnyCall) {
  const std::vector<std::string> ids = {
      "../secret", "../../secret",      (temp_.path() / "secret").string(), "../data/kiln.db",
      "..",        "a/../../../secret", std::string("x\0/../secret", 12)};
  const auto before = outside();
  int calls = 0;
  pb::DynamicMessageFactory factory;
  for (const access::MethodRule& rule : access::all_rules()) {
    // These take a path of the controller's own computer, from who may read it there.
    if (rule.need == access::Need::kLocal) continue;
    std::string name(rule.method.substr(1));
    name[name.find('/')] = '.';
    const pb::MethodDescriptor* method =
        pb::DescriptorPool::generated_pool()->FindMethodByName(name);
    ASSERT_NE(method, nullptr) << name;
    for (const std::string& id : ids) {
      const std::unique_ptr<pb::Message> request(factory.GetPrototype(method->input_type())->New());
      fill(request.get(), id);
      grpc::Status status;
      const std::string answer =
          call(channel_, std::string(rule.method), request->SerializePartialAsString(), &status);
      EXPECT_NE(status.error_code(), grpc::StatusCode::INTERNAL)
          << name << ": " << status.error_message();
      EXPECT_THAT(answer, Not(HasSubstr(kSecret))) << name;
      EXPECT_THAT(answer, Not(HasSubstr("SQLite format"))) << name;
      ++calls;
    }
  }
  EXPECT_GT(calls, 200);
  EXPECT_EQ(outside(), before);
  EXPECT_EQ(os::read_file(temp_.path() / "secret").value(), kSecret);
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(5'000));
  v1::ListRunsReply reply;
  EXPECT_TRUE(v1::Lab::NewStub(channel_)->ListRuns(&context, {}, &reply).ok()) << "it still serves";
}

}  // namespace
}  // namespace kiln::controller
