#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "lib/conf/document.h"
#include "lib/os/files.h"

namespace kiln::conf {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string failure(std::string_view text) {
  const auto document = parse("job.yaml", "/jobs", text);
  return document ? "(accepted)" : render(document.error());
}

TEST(Parse, KeepsOrderPositionsAndHowTextWasWritten) {
  const auto document = parse("job.yaml", "/jobs",
                              "# comment\n"
                              "name: \"x\"\n"
                              "list:\n"
                              "  - 5\n"
                              "  - ä: {b: }\n");
  ASSERT_TRUE(document) << render(document.error());
  const Value& root = document->root();
  ASSERT_EQ(root.type, Value::Type::kMap);
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.members[0].key, "name");
  EXPECT_EQ(root.members[0].line, 2);
  EXPECT_EQ(root.members[0].column, 1);
  EXPECT_TRUE(root.members[0].value.quoted);
  EXPECT_EQ(root.members[0].value.column, 7);
  const Value& list = root.members[1].value;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].text, "5");
  EXPECT_FALSE(list.items[0].quoted);
  EXPECT_EQ(list.items[0].line, 4);
  EXPECT_EQ(list.items[0].column, 5);
  const Value::Member& inner = list.items[1].members.at(0);
  EXPECT_EQ(inner.key, "ä");
  EXPECT_EQ(inner.value.members.at(0).column, 9);  // characters, not bytes
  EXPECT_EQ(inner.value.members.at(0).value.type, Value::Type::kNothing);
}

TEST(Parse, AnAbsentValueStandsAtItsKey) {
  const auto document = parse("job.yaml", "/jobs", "a:\n\n\nb: 1\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().members[0].value.line, 1);
}

TEST(Parse, EmptyFileIsNothing) {
  for (const char* text : {"", "\n", "# only a comment\n", "\xef\xbb\xbf"}) {
    const auto document = parse("job.yaml", "/jobs", text);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->root().type, Value::Type::kNothing);
  }
}

TEST(Parse, AliasesRepeatTheirAnchor) {
  const auto document = parse("job.yaml", "/jobs", "a: &x [1, 2]\nb: *x\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().members[1].value.items.size(), 2U);
}

TEST(Parse, RefusesAKeyGivenTwice) {
  EXPECT_EQ(failure("pairs: 6\nname: x\npairs: 7\n"),
            "error: field `pairs` is given twice\n"
            " --> job.yaml:3:1\n"
            "3 | pairs: 7\n"
            "  | ^^^^^ first in line 1");
}

TEST(Parse, RefusesMerges) {
  EXPECT_EQ(failure("base: &b {x: 1}\nuse:\n  <<: *b\n"),
            "error: merges (`<<`) are not supported here\n"
            " --> job.yaml:3:3\n"
            "3 |   <<: *b\n"
            "  |   ^^ write the fields out");
}

TEST(Parse, RefusesTags) {
  EXPECT_EQ(failure("a: !!binary aGk=\n"),
            "error: YAML tags are not supported here\n"
            " --> job.yaml:1:4\n"
            "1 | a: !!binary aGk=\n"
            "  |    ^ remove the `!` word");
}

TEST(Parse, RefusesKeysThatAreNotText) {
  EXPECT_THAT(failure("? [a, b]\n: 1\n"),
              StartsWith("error: a field's name must be text, not a list or map\n"));
  EXPECT_THAT(failure("a: &x b\n*x : 1\n"),
              StartsWith("error: an alias cannot be a field's name\n --> job.yaml:2:1"));
}

TEST(Parse, RefusesMoreThanOneDocument) {
  EXPECT_THAT(failure("a: 1\n---\nb: 2\n"),
              StartsWith("error: the file holds more than one document\n --> job.yaml:1:1"));
}

TEST(Parse, AnUnclosedListIsReportedWhereItOpens) {
  EXPECT_EQ(failure("configs: [a, b\nname: x\n"),
            "error: this `[` is not closed\n"
            " --> job.yaml:1:10\n"
            "1 | configs: [a, b\n"
            "  |          ^ a `,` or `]` is missing after it");
  EXPECT_THAT(failure("configs: [a, b"), StartsWith("error: this `[` is not closed\n"));
  EXPECT_THAT(failure("part: {a: 1\n"), StartsWith("error: this `{` is not closed\n"));
}

TEST(Parse, TabsAreNamed) {
  EXPECT_EQ(failure("a:\n\tb: 1\n"),
            "error: tabs cannot indent, use spaces\n"
            " --> job.yaml:2:1\n"
            "2 |  b: 1\n"
            "  | ^");
}

TEST(Parse, BadIndentationIsNamed) {
  EXPECT_THAT(failure("a:\n  b: 1\n c: 2\n"),
              StartsWith("error: this line is indented differently from its map\n"
                         " --> job.yaml:3:2"));
}

TEST(Parse, RefusesWhatIsNotText) {
  EXPECT_EQ(failure("a: 1\nb: \xff\xfe\n"),
            "error: job.yaml is not text: byte 0xff is not UTF-8\n --> job.yaml:2:4");
  EXPECT_EQ(failure(std::string_view("a: \0", 4)),
            "error: job.yaml is not text: byte 0x00 is a control character\n --> job.yaml:1:4");
  EXPECT_EQ(failure("a: \x1b[31m"),
            "error: job.yaml is not text: byte 0x1b is a control character\n --> job.yaml:1:4");
}

TEST(Parse, RefusesABomb) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) text += ", " + before;
    text += "]\n";
  }
  EXPECT_THAT(failure(text), StartsWith("error: the file holds more than 50000 values\n"
                                        " --> job.yaml:5:"));
}

TEST(Parse, RefusesAnAliasThatContainsItself) {
  EXPECT_THAT(failure("a: &x [*x]\n"), StartsWith("error: this alias contains itself\n"));
}

TEST(Parse, RefusesDepth) {
  const std::string lists = "a: " + std::string(40, '[') + std::string(40, ']');
  EXPECT_THAT(failure(lists),
              StartsWith("error: lists and maps inside each other more than 32 deep\n"
                         " --> job.yaml:1:35"));
  EXPECT_THAT(failure("a:\n  [\n  [\n"), StartsWith("error: this `[` is not closed\n"));
  EXPECT_THAT(failure(std::string(100'000, '[')), StartsWith("error: "));
  EXPECT_THAT(failure(std::string(100'000, '{')), StartsWith("error: "));
  std::string nest = "- ";
  for (int i = 0; i < 2000; ++i) nest += "- ";
  EXPECT_THAT(failure(nest), HasSubstr("more than 32 deep"));
}

TEST(Parse, RefusesDepthByAliases) {
  std::string text = "- &a0 x\n";
  for (int i = 1; i < 40; ++i) {
    text += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(failure(text), HasSubstr("more than 32 deep"));
}

TEST(Parse, ALongLineIsNotShown) {
  EXPECT_EQ(failure("a: 1\na: " + std::string(1000, 'x') + "\n"),
            "error: field `a` is given twice\n --> job.yaml:2:1\n  first in line 1");
}

TEST(Parse, RefusesAVeryLongLine) {
  EXPECT_EQ(failure("a: 1\nb: [" + std::string(20'000, ',') + "]\n"),
            "error: the line is too long: 20005 bytes, at most 4096 are read\n"
            " --> job.yaml:2:1");
}

TEST(Load, NamesTheFile) {
  const auto folder = os::make_temp_dir("/tmp", "conf-test");
  ASSERT_TRUE(folder);
  const os::Path big = *folder / "big.yaml";
  ASSERT_TRUE(os::write_atomic(big, std::string(kMaxBytes + 1, 'a')));
  const auto missing = load((*folder / "none.yaml").string());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(render(missing.error()), HasSubstr((*folder / "none.yaml").string()));
  EXPECT_EQ(render(load(big.string()).error()),
            "error: " + big.string() + " is too long: 1.0 MB, at most 1.0 MB are read");
  EXPECT_EQ(render(load(folder->string()).error()),
            "error: " + folder->string() + " is a folder, not a file");
  ASSERT_TRUE(os::write_atomic(*folder / "a.yaml", "a: 1\n"));
  const auto document = load((*folder / "a.yaml").string());
  ASSERT_TRUE(document);
  EXPECT_EQ(document->folder(), folder->string());
  ASSERT_TRUE(os::remove_tree(*folder));
}

}  // namespace
}  // namespace kiln::conf
