#include "lib/cron/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::cron {
namespace {

using std::chrono::local_days;
using std::chrono::year;

Expression read(std::string_view text) {
  auto parsed = parse(text);
  EXPECT_TRUE(parsed) << render(parsed.error());
  return parsed.value_or(Expression{});
}

std::string error_of(std::string_view text) {
  const auto parsed = parse(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? "" : render(parsed.error());
}

template <size_t N>
std::vector<size_t> set_of(const std::bitset<N>& bits) {
  std::vector<size_t> out;
  for (size_t i = 0; i < N; ++i)
    if (bits[i]) out.push_back(i);
  return out;
}

TEST(Expression, HasListsRangesAndSteps) {
  const Expression e = read("5,10-12,*/30 1-9/4 1,31 */6 1");
  EXPECT_THAT(set_of(e.minutes), testing::ElementsAre(0, 5, 10, 11, 12, 30));
  EXPECT_THAT(set_of(e.hours), testing::ElementsAre(1, 5, 9));
  EXPECT_THAT(set_of(e.days), testing::ElementsAre(1, 31));
  EXPECT_THAT(set_of(e.months), testing::ElementsAre(1, 7));
  EXPECT_THAT(set_of(e.weekdays), testing::ElementsAre(1));
}

TEST(Expression, HasNamesAndBothSundays) {
  const Expression e = read("0 0 * JAN,mar-May Mon-wed,7");
  EXPECT_THAT(set_of(e.months), testing::ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(set_of(e.weekdays), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(set_of(read("0 0 * * fri-sun").weekdays), testing::ElementsAre(0, 5, 6));
  EXPECT_THAT(set_of(read("0 0 * * sun-tue").weekdays), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(set_of(read("0 0 * * 5-7").weekdays), testing::ElementsAre(0, 5, 6));
}

TEST(Expression, MacrosStandForFields) {
  for (const auto& [macro, fields] :
       std::vector<std::pair<std::string, std::string>>{{"@yearly", "0 0 1 1 *"},
                                                        {"@annually", "0 0 1 1 *"},
                                                        {"@monthly", "0 0 1 * *"},
                                                        {"@Weekly", "0 0 * * 0"},
                                                        {" @daily ", "0 0 * * *"},
                                                        {"@midnight", "0 0 * * *"},
                                                        {"@hourly", "0 * * * *"}}) {
    Expression of_macro = read(macro);
    EXPECT_EQ(of_macro.text, macro);
    of_macro.text = fields;
    EXPECT_EQ(of_macro, read(fields)) << macro;
  }
}

TEST(Expression, EitherDayFieldNamesADayUnlessOneBeginsWithAStar) {
  const auto names = [](const char* text, int day) {
    return read(text).names_day(local_days{year{2026} / 11 / day});  // the 13th is a Friday
  };
  for (const int day : {6, 13, 20}) EXPECT_TRUE(names("0 0 13 * fri", day)) << day;
  EXPECT_TRUE(names("0 0 16 * fri", 16));  // a Monday
  EXPECT_FALSE(names("0 0 13 * fri", 14));
  EXPECT_TRUE(names("0 0 13 * *", 13));
  EXPECT_FALSE(names("0 0 13 * *", 20));
  EXPECT_TRUE(names("0 0 * * fri", 20));
  EXPECT_FALSE(names("0 0 * * fri", 21));
  EXPECT_TRUE(names("0 0 */2 * fri", 13));
  EXPECT_FALSE(names("0 0 */2 * fri", 20));  // an even day
  EXPECT_FALSE(names("0 0 */2 * fri", 15));  // a Sunday
}

TEST(Expression, ErrorsHaveAPlaceAndSayWhatWasExpected) {
  EXPECT_EQ(error_of("30 25 * * *"),
            "error: hour `25` does not exist\n"
            " --> cron expression:1:4\n"
            "1 | 30 25 * * *\n"
            "  |    ^^ expected 0-23");
  EXPECT_EQ(error_of("30 2 * *"),
            "error: the day of week is missing\n"
            " --> cron expression:1:9\n"
            "1 | 30 2 * *\n"
            "  |         ^ expected five fields: minute hour day-of-month month day-of-week");
  EXPECT_EQ(error_of("0 30 2 * * *"),
            "error: hour `30` does not exist\n"
            " --> cron expression:1:3\n"
            "1 | 0 30 2 * * *\n"
            "  |   ^^ expected 0-23");
  EXPECT_EQ(
      error_of("0 2 * * * /bin/true"),
      "error: the expression goes on after its fifth field\n"
      " --> cron expression:1:11\n"
      "1 | 0 2 * * * /bin/true\n"
      "  |           ^^^^^^^^^ expected five fields: minute hour day-of-month month day-of-week");
  EXPECT_EQ(error_of("0 2 * jun monday"),
            "error: `monday` is no day of week\n"
            " --> cron expression:1:11\n"
            "1 | 0 2 * jun monday\n"
            "  |           ^^^^^^ expected 0-7 or sun-sat");
  EXPECT_EQ(error_of("5/10 * * * *"),
            "error: minute: a step needs a range\n"
            " --> cron expression:1:1\n"
            "1 | 5/10 * * * *\n"
            "  | ^^ write `5-59/...`");
  EXPECT_EQ(error_of("0 22-4 * * *"),
            "error: hour: the range ends before it begins\n"
            " --> cron expression:1:3\n"
            "1 | 0 22-4 * * *\n"
            "  |   ^^^^ write it as two, with a `,`");
  EXPECT_EQ(error_of("*/0 * * * *"),
            "error: minute: `0` is no step\n"
            " --> cron expression:1:3\n"
            "1 | */0 * * * *\n"
            "  |   ^ expected 1-59");
  EXPECT_EQ(error_of("@dayly"),
            "error: `@dayly` is no time that cron knows\n"
            " --> cron expression:1:1\n"
            "1 | @dayly\n"
            "  | ^^^^^^ did you mean `@daily`?");
  EXPECT_EQ(error_of("0 2 \x1b[31m * *"),
            "error: this character is no part of a cron expression\n"
            " --> cron expression:1:5\n"
            "1 | 0 2 ?[31m * *\n"
            "  |     ^ expected digits, names, `*`, `,`, `-` and `/`");
}

TEST(Expression, OneThatNeverComesTrueIsRefused) {
  EXPECT_EQ(error_of("0 0 30 2 *"),
            "error: this expression never comes true\n"
            " --> cron expression:1:1\n"
            "1 | 0 0 30 2 *\n"
            "  | ^^^^^^^^^^ no such day of the month in these months");
  EXPECT_FALSE(parse("0 0 31 4,6,9,11 *"));
  EXPECT_FALSE(parse("0 0 31 2 */2"));
  EXPECT_TRUE(parse("0 0 29 2 *"));
  EXPECT_TRUE(parse("0 0 29 2 */7"));  // 29 February and a Sunday
  EXPECT_TRUE(parse("0 0 30 2 sun"));  // each Sunday in February
}

TEST(Expression, HostileTextIsRefused) {
  for (const std::string& text : {std::string(),
                                  std::string(" \t "),
                                  std::string(100'000, '*'),
                                  std::string("\0 * * * *", 9),
                                  std::string("* * * * *,"),
                                  std::string("*, * * * *"),
                                  std::string("1- * * * *"),
                                  std::string("-1 * * * *"),
                                  std::string("** * * * *"),
                                  std::string("1--2 * * * *"),
                                  std::string("99999999999999999999 * * * *"),
                                  std::string("*/99999999999 * * * *"),
                                  std::string("0x5 * * * *"),
                                  std::string("\xff\xfe * * * *"),
                                  std::string("* * L * *"),
                                  std::string("* * * * 5#2"),
                                  std::string("? * * * *"),
                                  std::string("* * * * 8"),
                                  std::string("* * 0 * *"),
                                  std::string("* * * 0 *"),
                                  std::string("60 * * * *"),
                                  std::string("@"),
                                  std::string("@reboot"),
                                  std::string("* * * *\n* *"),
                                  std::string("jan * * * *"),
                                  std::string("* * * 1-sun *")})
    EXPECT_LT(error_of(text).size(), 1000U);
  EXPECT_TRUE(parse("  0\t2  * *   *  "));
}

}  // namespace
}  // namespace kiln::cron
