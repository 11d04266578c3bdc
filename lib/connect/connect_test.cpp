#include "lib/connect/connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "kiln/v1/agent.pb.h"
#include "kiln/v1/error.pb.h"
#include "kiln/v1/lab.pb.h"
#include "kiln/v1/live.pb.h"
#include "kiln/v1/logs.pb.h"

namespace kiln::connect {
namespace {

using ::testing::HasSubstr;

/// A call as browsers send it; parts are changed by the tests.
struct Ask {
  std::string method = "POST", path = "/kiln.v1.Lab/GetReport", query, type = "application/json",
              version = "1", timeout, body = "{}";
  [[nodiscard]] tl::expected<Call, Refusal> understood() const {
    return understand({method, path, query, type, version, timeout, body});
  }
};

Refusal refused(const Ask& ask) {
  const auto call = ask.understood();
  EXPECT_FALSE(call);
  return call ? Refusal{} : call.error();
}

Code code_of_refusal(const Ask& ask) {
  const Refusal refusal = refused(ask);
  EXPECT_TRUE(refusal.failure);
  return refusal.failure ? refusal.failure->code : Code::kUnknown;
}

class Connect : public ::testing::Test {
 protected:
  // The linker takes a message's file in only when something of it is used.
  static void SetUpTestSuite() {
    (void)v1::GetReportRequest::descriptor();
    (void)v1::ReadLogRequest::descriptor();
    (void)v1::WatchRequest::descriptor();
    (void)v1::FromAgent::descriptor();
  }
};

TEST_F(Connect, AUnaryCall) {
  Ask ask;
  ask.body = R"({"runId":"412","unknown":[1,{"x":null}]})";
  ask.type = "Application/JSON; charset=utf-8";
  ask.timeout = "1500";
  const auto call = ask.understood();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method->full_name(), "kiln.v1.Lab.GetReport");
  EXPECT_FALSE(call->stream);
  EXPECT_EQ(call->timeout, Millis(1500));
  v1::GetReportRequest request;
  ASSERT_TRUE(request.ParseFromString(call->request));
  EXPECT_EQ(request.run_id(), 412);
}

TEST_F(Connect, AStream) {
  Ask ask;
  ask.path = "/kiln.v1.Lab/WatchRun";
  ask.type = "application/connect+json";
  ask.body = envelope(R"({"runId":7})");
  const auto call = ask.understood();
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->stream);
  v1::WatchRunRequest request;
  ASSERT_TRUE(request.ParseFromString(call->request));
  EXPECT_EQ(request.run_id(), 7);
}

TEST_F(Connect, AGetOfWhatChangesNothing) {
  Ask ask;
  ask.method = "GET";
  ask.path = "/kiln.v1.Logs/ReadLog";
  ask.type = ask.version = ask.body = "";
  ask.query = "connect=v1&encoding=json&message=%7B%22sessionId%22%3A9%7D";
  const auto call = ask.understood();
  ASSERT_TRUE(call);
  v1::ReadLogRequest request;
  ASSERT_TRUE(request.ParseFromString(call->request));
  EXPECT_EQ(request.session_id(), 9);
  ask.query = "connect=v1&encoding=json&base64=1&message=eyJzZXNzaW9uSWQiOjl9";
  EXPECT_TRUE(ask.understood());
  ask.query = "connect=v1&encoding=proto&message=";
  EXPECT_EQ(refused(ask).http_status, 415);
  ask.query = "connect=v1&encoding=json";
  EXPECT_EQ(code_of_refusal(ask), Code::kInvalidArgument);
  ask.query = "connect=v1&encoding=json&message=%zz";
  EXPECT_EQ(code_of_refusal(ask), Code::kInvalidArgument);
  ask.query = "connect=v2&encoding=json&message=%7B%7D";
  EXPECT_EQ(code_of_refusal(ask), Code::kInvalidArgument);
  ask.path = "/kiln.v1.Lab/CancelRun";
  ask.query = "connect=v1&encoding=json&message=%7B%7D";
  EXPECT_EQ(refused(ask).http_status, 405) << "a link must not cancel a run";
}

TEST_F(Connect, WhatIsNoCallIsRefused) {
  for (const char* path :
       {"/kiln.v1.Lab/None", "/kiln.v1.Nobody/GetReport", "/kiln.v1.Lab", "/kiln.v1.Lab/",
        "/kiln.v1.", "/kiln.v1./", "/kiln.v1.Lab/GetReport/x", "/kiln.v1.Lab/../Lab/GetReport",
        "/google.protobuf.Any/x", "", "/kiln.v1.Lab.GetReport", "/kiln.v1.RunReport/run",
        // Browsers cannot send a stream.
        "/kiln.v1.Lab/SubmitRun", "/kiln.v1.AgentLink/Connect"}) {
    Ask ask;
    ask.path = path;
    EXPECT_EQ(code_of_refusal(ask), Code::kUnimplemented) << path;
  }
  for (const char* type : {"", "text/plain", "application/proto", "application/connect+json",
                           "application/jsonx", "application/x-www-form-urlencoded"}) {
    Ask ask;
    ask.type = type;
    EXPECT_EQ(refused(ask).http_status, 415) << type;
  }
  for (const char* body : {"[]", "{", "nonsense", "{\"runId\":\"x\"}", "{\"runId\":[1]}", "{}{}",
                           "\xff\xfe", "{\"runId\":1e99}"}) {
    Ask ask;
    ask.body = body;
    EXPECT_EQ(code_of_refusal(ask), Code::kInvalidArgument) << body;
  }
  for (const char* timeout : {"-1", "x", "12345678901", "1 ", "0x1"}) {
    Ask ask;
    ask.timeout = timeout;
    EXPECT_EQ(code_of_refusal(ask), Code::kInvalidArgument) << timeout;
  }
  Ask old;
  old.version = "2";
  EXPECT_EQ(code_of_refusal(old), Code::kInvalidArgument);
}

TEST_F(Connect, DeepAndLongMessagesAreBounded) {
  Ask deep;
  deep.body = "{\"x\":" + std::string(200'000, '[');
  EXPECT_EQ(code_of_refusal(deep), Code::kInvalidArgument);
  deep.body = "{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  (void)deep.understood();  // ends without filling the stack
  Ask long_one;
  long_one.body = "{\"x\":\"" + std::string(kMostBytes, 'x') + "\"}";
  EXPECT_EQ(code_of_refusal(long_one), Code::kInvalidArgument);
}

TEST_F(Connect, TornEnvelopesAreRefused) {
  const std::string good = envelope("{}");
  EXPECT_EQ(*open_envelope(good), "{}");
  EXPECT_EQ(good, std::string("\0\0\0\0\2{}", 7));
  for (const std::string& bad :
       {std::string(), good.substr(0, 4), good.substr(0, 6), good + "x", good + good,
        std::string("\1\0\0\0\2{}", 7), std::string("\2\0\0\0\2{}", 7),
        std::string("\0\xff\xff\xff\xff{}", 7)})
    EXPECT_FALSE(open_envelope(bad));
  Ask ask;
  ask.path = "/kiln.v1.Lab/WatchRun";
  ask.type = "application/connect+json";
  ask.body = "{}";
  const Refusal refusal = refused(ask);
  EXPECT_TRUE(refusal.stream) << "said in the form that the caller reads";
}

TEST_F(Connect, EndsOfStreams) {
  EXPECT_EQ(end_envelope({}), std::string("\2\0\0\0\2{}", 7));
  EXPECT_THAT(end_envelope(Failure{Code::kUnavailable, "gone"}),
              HasSubstr(R"({"error":{"code":"unavailable","message":"gone"}})"));
}

TEST_F(Connect, FailuresHaveTheirWordsAndDetails) {
  EXPECT_EQ(to_json(Failure{Code::kNotFound, "no \"run\""}),
            R"({"code":"not_found","message":"no \"run\""})");
  v1::ErrorDetail detail;
  detail.set_hint("look again");
  Failure failure{Code::kNotFound, "\xff"};
  failure.details.push_back(
      {"kiln.v1.ErrorDetail", detail.SerializeAsString(), R"({"hint":"look again"})"});
  const std::string json = to_json(failure);
  EXPECT_THAT(json, HasSubstr("\"type\":\"kiln.v1.ErrorDetail\",\"value\":\""));
  EXPECT_THAT(json, HasSubstr("\"debug\":{\"hint\":\"look again\"}"));
  EXPECT_EQ(json.find('='), std::string::npos) << "unpadded";
}

TEST_F(Connect, CodesHaveTheirStatus) {
  EXPECT_EQ(http_status(Code::kUnauthenticated), 401);
  EXPECT_EQ(http_status(Code::kPermissionDenied), 403);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kAborted), 409);
  EXPECT_EQ(http_status(Code::kResourceExhausted), 429);
  EXPECT_EQ(http_status(Code::kUnimplemented), 501);
  EXPECT_EQ(http_status(Code::kUnavailable), 503);
  EXPECT_EQ(http_status(Code::kDeadlineExceeded), 504);
  EXPECT_EQ(http_status(Code::kCanceled), 499);
  EXPECT_EQ(code_of(5), Code::kNotFound);
  for (const int number : {0, -1, 17, 1000}) EXPECT_EQ(code_of(number), Code::kUnknown);
  EXPECT_EQ(word_of(Code::kUnauthenticated), "unauthenticated");
}

TEST_F(Connect, AnswersAreInLowerCamelCase) {
  v1::RunEvent event;
  event.set_session_id(1LL << 53);
  event.set_elapsed_seconds(1.5);
  const auto json = to_json(*v1::RunEvent::descriptor(), event.SerializeAsString());
  ASSERT_TRUE(json);
  EXPECT_EQ(*json, R"({"sessionId":"9007199254740992","elapsedSeconds":1.5})");
  v1::LogChunk chunk;
  chunk.set_data("\xff<script>");
  EXPECT_EQ(to_json(*v1::LogChunk::descriptor(), chunk.SerializeAsString()),
            R"({"data":"/zxzY3JpcHQ+"})");
  EXPECT_FALSE(to_json(*v1::RunEvent::descriptor(), "\xff\xff"));
}

/// Good requests with some bytes of them changed: each ends with a call or a refusal.
TEST_F(Connect, DamagedRequestsAreUnderstoodOrRefused) {
  std::minstd_rand random(7);
  const auto damaged = [&random](std::string text) {
    for (unsigned i = random() % 4; i > 0 && !text.empty(); --i) {
      const size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 5);
      else
        text[at] = static_cast<char>(random());
    }
    return text;
  };
  int understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    Ask ask;
    const bool stream = round % 2 == 0;
    if (stream) ask.path = "/kiln.v1.Live/Watch", ask.type = "application/connect+json";
    if (round % 5 == 0) ask.path = "/kiln.v1.Logs/ReadLog", ask.method = "GET";
    ask.query = "connect=v1&encoding=json&message=%7B%22sessionId%22%3A9%7D&base64=0";
    ask.body = R"({"runId":"412","fromSeq":"9","a":[{"b":null}],"what":"\u00e4\ud83d\ude00"})";
    if (stream) ask.body = envelope(ask.body);
    std::string* parts[] = {&ask.path,    &ask.query,   &ask.type,
                            &ask.version, &ask.timeout, &ask.body};
    std::string* part = parts[random() % std::size(parts)];
    *part = damaged(*part);
    if (const auto call = ask.understood()) {
      ++understood;
      EXPECT_TRUE(to_json(*call->method->input_type(), call->request));
    } else if (call.error().failure) {
      EXPECT_FALSE(
          nlohmann::json::parse(to_json(*call.error().failure), nullptr, false).is_discarded());
    }
  }
  EXPECT_GT(understood, 1000);
  EXPECT_LT(understood, 19'000);
}

}  // namespace
}  // namespace kiln::connect
