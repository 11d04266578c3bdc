#include "agent/serial/telnet.h"

#include <gtest/gtest.h>

#include <random>

namespace kiln::agent {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

struct Both {
  std::string text;
  std::string reply;
};
Both receive(Telnet& telnet, const std::string& in, size_t chunk) {
  Both out;
  for (size_t at = 0; at < in.size(); at += chunk)
    telnet.receive(std::string_view(in).substr(at, chunk), out.text, out.reply);
  return out;
}

TEST(TelnetTest, CommandsAreTakenOutWhereverAChunkEnds) {
  const std::string in = "a" + bytes({255, 251, 1}) + "b" + bytes({255, 255}) +
                         bytes({255, 250, 44, 107, 255, 255, 3, 255, 240}) + "c" +
                         bytes({255, 241}) + "d";
  for (size_t chunk = 1; chunk <= in.size(); ++chunk) {
    Telnet telnet(0);
    const Both out = receive(telnet, in, chunk);
    EXPECT_EQ(out.text,
              "ab\xff"
              "cd")
        << chunk;
    EXPECT_EQ(out.reply, bytes({255, 253, 1})) << chunk;
  }
}

TEST(TelnetTest, AsksForTheSpeedOnceTheServerHasTheOption) {
  Telnet telnet(115'200);
  EXPECT_EQ(telnet.start(), bytes({255, 251, 44, 255, 251, 0, 255, 253, 0, 255, 253, 3}));
  EXPECT_EQ(telnet.line_break(true), bytes({255, 243})) << "telnet's own";
  EXPECT_EQ(telnet.line_break(false), "");
  const Both out = receive(telnet, bytes({255, 253, 44}), 3);
  EXPECT_TRUE(out.reply.starts_with(bytes({255, 250, 44, 1, 0, 1, 0xc2, 0, 255, 240})));
  EXPECT_EQ(telnet.line_break(true), bytes({255, 250, 44, 5, 5, 255, 240}));
  EXPECT_EQ(telnet.line_break(false), bytes({255, 250, 44, 5, 6, 255, 240}));
  EXPECT_EQ(receive(telnet, bytes({255, 253, 44}), 3).reply, "") << "once";
}

TEST(TelnetTest, ASpeedWithA255InItIsEscaped) {
  Telnet telnet(0xff00);
  (void)telnet.start();
  const Both out = receive(telnet, bytes({255, 253, 44}), 3);
  EXPECT_TRUE(out.reply.starts_with(bytes({255, 250, 44, 1, 0, 0, 255, 255, 0, 255, 240})));
}

TEST(TelnetTest, WithoutBinaryABareReturnIsCrNul) {
  Telnet telnet(0);
  EXPECT_EQ(receive(telnet, std::string("a\r\0b\r\nc\0", 8), 1).text,
            std::string("a\rb\r\nc\0", 7));
  EXPECT_EQ(telnet.encode("x\ry\r\n\xff"), std::string("x\r\0y\r\n\xff\xff", 8));
  (void)telnet.start();
  (void)receive(telnet, bytes({255, 253, 0, 255, 251, 0}), 6);
  EXPECT_EQ(telnet.encode("x\r"), "x\r");
  EXPECT_EQ(receive(telnet, std::string("\r\0", 2), 2).text, std::string("\r\0", 2));
}

TEST(TelnetTest, RefusesWhatItDoesNotKnowAndNeverAnswersAnAnswer) {
  Telnet telnet(0);
  EXPECT_EQ(receive(telnet, bytes({255, 251, 24, 255, 253, 31}), 6).reply,
            bytes({255, 254, 24, 255, 252, 31}));
  EXPECT_EQ(receive(telnet, bytes({255, 252, 24, 255, 254, 31}), 6).reply, "");
  Telnet one(9600);
  Telnet two(9600);
  std::string to_two = one.start();
  std::string to_one = two.start();
  size_t said = 0;
  for (int turn = 0; turn < 50 && !(to_one.empty() && to_two.empty()); ++turn) {
    Both at_one = receive(one, std::exchange(to_one, ""), 1);
    Both at_two = receive(two, std::exchange(to_two, ""), 1);
    said += at_one.reply.size() + at_two.reply.size();
    to_two = at_one.reply;
    to_one = at_two.reply;
  }
  EXPECT_TRUE(to_one.empty() && to_two.empty()) << "two of them talk for ever";
  EXPECT_LT(said, 200U);
}

TEST(TelnetTest, WhateverComesOutIsBoundedByWhatCameIn) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Telnet telnet(115'200);
    std::string in;
    for (int i = 0; i < 400; ++i)
      in += static_cast<char>(random() % 3 == 0 ? 240 + random() % 16 : random() % 256);
    const Both out = receive(telnet, in, 1 + random() % 20);
    EXPECT_LE(out.text.size(), in.size());
    EXPECT_LE(out.reply.size(), in.size() * 12);
  }
}

TEST(TelnetTest, EveryByteSurvivesTheWay) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  all += "\r\xff\r\n\r";
  Telnet from(0);
  Telnet to(0);
  for (size_t chunk = 1; chunk < 9; ++chunk)
    EXPECT_EQ(receive(to, from.encode(all), chunk).text, all) << chunk;
}

}  // namespace
}  // namespace kiln::agent
