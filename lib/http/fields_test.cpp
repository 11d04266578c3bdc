#include "lib/http/fields.h"

#include <gtest/gtest.h>

namespace kiln::http {
namespace {

TEST(Fields, UrlDecoding) {
  EXPECT_EQ(url_decode("a%20b+c%C3%A4"), "a b+c\xc3\xa4");
  EXPECT_EQ(url_decode("a+b", true), "a b");
  EXPECT_EQ(url_decode(""), "");
  for (const char* bad : {"%", "%1", "a%zz", "%%20"}) EXPECT_FALSE(url_decode(bad)) << bad;
}

TEST(Fields, QueryValues) {
  EXPECT_EQ(query_value("connect=v1&message=%7B%7D&x", "message"), "{}");
  EXPECT_FALSE(query_value("a=1", "b"));
  EXPECT_FALSE(query_value("", "b"));
  EXPECT_FALSE(query_value("a=1&a=2", "a")) << "which one is meant?";
  EXPECT_FALSE(query_value("a=%", "a"));
}

TEST(Fields, Cookies) {
  EXPECT_EQ(cookie_value("a=1; kiln_7423=kiln_ab_cd; b=2", "kiln_7423"), "kiln_ab_cd");
  EXPECT_EQ(cookie_value("kiln_7423=", "kiln_7423"), "");
  EXPECT_FALSE(cookie_value("xkiln_7423=1; kiln_74=2", "kiln_7423"));
  EXPECT_FALSE(cookie_value("kiln_7423=1; kiln_7423=2", "kiln_7423"));
}

TEST(Fields, Etags) {
  EXPECT_TRUE(has_etag("\"a\", W/\"b\"", "\"b\""));
  EXPECT_TRUE(has_etag("*", "\"b\""));
  EXPECT_FALSE(has_etag("\"a\"", "\"b\""));
  EXPECT_FALSE(has_etag("", "\"b\""));
}

TEST(Fields, Gzip) {
  EXPECT_TRUE(takes_gzip("deflate, gzip;q=1.0, br"));
  EXPECT_FALSE(takes_gzip("gzip;q=0, br"));
  EXPECT_FALSE(takes_gzip(""));
  const std::string text(10'000, 'x');
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 200U);
  EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
}

TEST(Fields, OriginsAndHosts) {
  EXPECT_TRUE(same_origin("http://127.0.0.1:7423", "127.0.0.1:7423"));
  EXPECT_TRUE(same_origin("https://Kiln.example.org", "kiln.example.org"));
  for (const char* origin : {"null", "", "http://", "http://127.0.0.1:7424", "http://127.0.0.1",
                             "http://evil.example", "http://127.0.0.1:7423.evil.example",
                             "http://evil.example/http://127.0.0.1:7423", "ftp://127.0.0.1:7423"})
    EXPECT_FALSE(same_origin(origin, "127.0.0.1:7423")) << origin;
  EXPECT_FALSE(same_origin("http://", ""));
  EXPECT_EQ(host_name("[::1]:7423"), "[::1]");
  EXPECT_EQ(host_name("localhost:1"), "localhost");
  EXPECT_EQ(host_name("localhost"), "localhost");
  EXPECT_EQ(host_name("[::1"), "");
}

}  // namespace
}  // namespace kiln::http
