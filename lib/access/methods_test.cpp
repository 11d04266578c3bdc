#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "lib/access/role.h"
#include "lib/os/files.h"

namespace kiln::access {
namespace {

/// "/kiln.v1.Lab/StartRun" of every service in proto/kiln/v1, as protoc reads the files.
std::set<std::string> methods_of_protos() {
  google::protobuf::FileDescriptorSet files;
  EXPECT_TRUE(files.ParseFromString(os::read_file(KILN_DESCRIPTORS).value()));
  std::set<std::string> methods;
  for (const auto& file : files.file())
    for (const auto& service : file.service())
      for (const auto& method : service.method())
        methods.insert("/" + file.package() + "." + service.name() + "/" + method.name());
  return methods;
}

TEST(Methods, EachRpcOfKilnHasItsRule) {
  const std::set<std::string> methods = methods_of_protos();
  EXPECT_GT(methods.size(), 15U);
  for (const std::string& method : methods)
    EXPECT_NE(rule_of(method), nullptr)
        << method << " has no row in lib/access/role.cpp: who may call it?";
}

TEST(Methods, NoRuleIsForAnRpcThatIsNotThere) {
  const std::set<std::string> methods = methods_of_protos();
  for (const MethodRule& rule : all_rules())
    EXPECT_EQ(methods.count(std::string(rule.method)), 1U) << rule.method;
}

TEST(Methods, TheTableIsSorted) {
  const auto rules = all_rules();
  for (size_t i = 1; i < rules.size(); ++i)
    EXPECT_LT(rules[i - 1].method, rules[i].method) << "rule_of() finds by halves";
}

TEST(Methods, WhatIsNoMethodHasNoRule) {
  for (const char* method :
       {"", "/", "/kiln.v1.Lab/", "/kiln.v1.Lab/StartRun/", "kiln.v1.Lab/StartRun",
        "/kiln.v1.lab/StartRun", "/kiln.v1.Lab/StartRun2", "/zz", "\xff"}) {
    EXPECT_EQ(rule_of(method), nullptr) << method;
  }
}

TEST(Methods, OnlyAdminsComeToTheSecrets) {
  for (const MethodRule& rule : all_rules()) {
    if (!rule.method.starts_with("/kiln.v1.Access/") || rule.method.ends_with("/WhoAmI")) continue;
    EXPECT_EQ(rule.need, Need::kRole) << rule.method;
    EXPECT_EQ(rule.role, Role::kAdmin) << rule.method;
  }
  EXPECT_EQ(rule_of("/kiln.v1.AgentLink/Connect")->need, Need::kAgent);
  EXPECT_EQ(rule_of("/kiln.v1.Lab/StartRun")->need, Need::kLocal);
}

TEST(Roles, EachMayDoWhatTheOnesBeforeMay) {
  const MethodRule& start = *rule_of("/kiln.v1.Lab/SubmitRun");
  EXPECT_FALSE(require(start, "anna", Role::kViewer));
  EXPECT_TRUE(require(start, "anna", Role::kSubmitter));
  EXPECT_TRUE(require(start, "anna", Role::kAdmin));
  const Status refused = require(*rule_of("/kiln.v1.Access/CreateToken"), "anna", Role::kKeeper);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
  EXPECT_EQ(refused.error().message, "Access.CreateToken needs the role admin, anna has keeper");
}

TEST(Roles, WordsAreReadAndNearMissesExplained) {
  for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kKeeper, Role::kAdmin})
    EXPECT_EQ(parse_role(to_string(role)).value(), role);
  EXPECT_EQ(parse_role("vewer").error().hint, "did you mean viewer?");
  EXPECT_EQ(parse_role("root").error().hint, "one of viewer, submitter, keeper, admin");
  EXPECT_FALSE(parse_role("\xff"));
}

TEST(Users, NamesAreKeptPlain) {
  for (const char* name : {"anna", "anna.b@example.org", "ci-bot_2"})
    EXPECT_TRUE(check_user_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a:b"), std::string("agent:x"),
        std::string("local"), std::string(65, 'a'), std::string("a\nb"), std::string("../x")}) {
    EXPECT_FALSE(check_user_name(name)) << name;
  }
}

}  // namespace
}  // namespace kiln::access
