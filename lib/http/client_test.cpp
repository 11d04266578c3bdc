#include "lib/http/client.h"

#include <gmock/gmock.h>

#include "lib/http/testing.h"

namespace kiln::http {
namespace {

using ::testing::HasSubstr;
using testing::LocalServer;

TEST(Http, SendsAndGetsWhatIsThere) {
  LocalServer local;
  local.server().Post("/take", [](const httplib::Request& request, httplib::Response& response) {
    response.status = 201;
    response.set_content("got " + request.body + " from " + request.get_header_value("X-Who"),
                         "text/plain");
  });
  CurlClient client;
  Request request;
  request.method = "POST";
  request.url = local.url() + "/take";
  request.headers = {{"X-Who", "me"}};
  request.body = "a body";
  const auto response = client.send(request);
  ASSERT_TRUE(response) << render(response.error());
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "got a body from me");
  ASSERT_EQ(local.asked().size(), 1U);
  EXPECT_THAT(local.asked()[0].get_header_value("User-Agent"), HasSubstr("kiln/"));
}

TEST(Http, AnErrorOfTheServerIsAnAnswer) {
  LocalServer local;
  CurlClient client;
  EXPECT_EQ(client.send({"GET", local.url() + "/none", {}, ""})->status, 404);
}

TEST(Http, ARedirectionIsNotFollowed) {
  LocalServer local;
  local.server().Get("/moved", [](const httplib::Request&, httplib::Response& response) {
    response.set_redirect("/elsewhere");
  });
  CurlClient client;
  EXPECT_EQ(client.send({"GET", local.url() + "/moved", {}, ""})->status, 302);
  EXPECT_EQ(local.asked().size(), 1U);
}

TEST(Http, AnAnswerHasABound) {
  LocalServer local;
  local.server().Get("/much", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(std::string(5000, 'x'), "text/plain");
  });
  ClientOptions options;
  options.most_bytes = 4000;
  CurlClient client(options);
  const auto response = client.send({"GET", local.url() + "/much", {}, ""});
  ASSERT_FALSE(response);
  EXPECT_EQ(render(response.error()),
            "error: the answer of " + local.url() + "/much is larger than 4000 bytes");
}

TEST(Http, NobodyThereIsInfrastructure) {
  std::string url;
  {
    const LocalServer gone;
    url = gone.url();
  }
  CurlClient client;
  const auto response = client.send({"GET", url + "/x", {}, ""});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(render(response.error()), HasSubstr("error: GET " + url + "/x: "));
}

TEST(Http, OtherProtocolsAndHeadersOfTwoLinesAreRefused) {
  CurlClient client;
  const auto file = client.send({"GET", "file:///etc/passwd", {}, ""});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kBadInput);
  const auto header = client.send({"GET", "http://127.0.0.1:1/", {{"A", "b\r\nC: d"}}, ""});
  ASSERT_FALSE(header);
  EXPECT_EQ(render(header.error()), "error: the header A has more than one line");
}

TEST(Http, WhereATokenMayGo) {
  for (const char* good :
       {"https://example.org", "http://localhost", "http://127.0.0.1:80/x", "http://[::1]:8080"})
    EXPECT_TRUE(is_private(good)) << good;
  for (const char* wrong : {"http://example.org", "http://localhost.example.org",
                            "http://127.0.0.1.example.org", "ftp://x", ""})
    EXPECT_FALSE(is_private(wrong)) << wrong;
  EXPECT_EQ(url_encode("a b&c=<x@y>"), "a%20b%26c%3D%3Cx%40y%3E");
}

}  // namespace
}  // namespace kiln::http
