#include "lib/conf/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::conf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Colour { kRed, kBlue };

struct Part {
  std::string name;
  Millis wait{60'000};
};

struct Sample {
  std::string name;
  std::vector<std::string> words{"one"};
  bool flag = true;
  int count = 6;
  double share = 0.5;
  uint64_t bytes = 2ULL << 30;
  uint64_t seed = 0;
  std::string file;
  std::string mode = "fast";
  Colour colour = Colour::kRed;
  Part part;
  std::vector<Part> parts;
};

Object part_table(Part* part) {
  Object table;
  table.required("name", name(&part->name))
      .optional("wait", duration(&part->wait, Millis(1000), Millis(3'600'000)));
  return table;
}

Object table(Sample* s) {
  Object object_table;
  object_table.required("name", text(&s->name))
      .optional("words", text_list(&s->words))
      .optional("flag", boolean(&s->flag))
      .optional("count", integer(&s->count, 1, 100))
      .optional("share", real(&s->share, 0, 1))
      .optional("bytes", size(&s->bytes, 1 << 20, 1ULL << 40))
      .optional("seed", integer64(&s->seed, UINT64_MAX))
      .optional("file", path(&s->file, PathKind::kFile))
      .optional("mode", one_of(&s->mode, {"fast", "slow"}))
      .optional("colour",
                choice<Colour>(&s->colour, {{"red", Colour::kRed}, {"blue", Colour::kBlue}}))
      .optional("part", object(part_table(&s->part)))
      .optional("parts", list_of<Part>(&s->parts, part_table));
  return object_table;
}

Result<Sample> read(std::string_view text) {
  KILN_ASSIGN(const Document document, parse("s.yaml", "/usr/share", text));
  Sample sample;
  KILN_TRY(table(&sample).read(Node(document)));
  return sample;
}

std::string failure(std::string_view text) {
  const auto sample = read(text);
  return sample ? "(accepted)" : render(sample.error());
}

TEST(Read, FillsEveryKindOfField) {
  const auto s = read(
      "name: x\n"
      "words: [a, \"6.1\"]\n"
      "flag: false\n"
      "count: 7\n"
      "share: .25\n"
      "bytes: 512MiB\n"
      "seed: 18446744073709551615\n"
      "file: /etc/passwd\n"
      "mode: slow\n"
      "colour: blue\n"
      "part: {name: p, wait: 1m30s}\n"
      "parts:\n"
      "  - name: q\n"
      "  - {name: r, wait: 2s}\n");
  ASSERT_TRUE(s) << render(s.error());
  EXPECT_EQ(s->name, "x");
  EXPECT_THAT(s->words, ElementsAre("a", "6.1"));
  EXPECT_FALSE(s->flag);
  EXPECT_EQ(s->count, 7);
  EXPECT_EQ(s->share, 0.25);
  EXPECT_EQ(s->bytes, 512ULL << 20);
  EXPECT_EQ(s->seed, UINT64_MAX);
  EXPECT_EQ(s->file, "/etc/passwd");
  EXPECT_EQ(s->mode, "slow");
  EXPECT_EQ(s->colour, Colour::kBlue);
  EXPECT_EQ(s->part.wait, Millis(90'000));
  ASSERT_EQ(s->parts.size(), 2U);
  EXPECT_EQ(s->parts[0].wait, Millis(60'000));
  EXPECT_EQ(s->parts[1].wait, Millis(2000));
}

TEST(Read, KeepsDefaults) {
  const auto s = read("name: x\n");
  ASSERT_TRUE(s);
  EXPECT_THAT(s->words, ElementsAre("one"));
  EXPECT_EQ(s->count, 6);
}

TEST(Read, UnknownFieldNamesTheNearest) {
  EXPECT_EQ(failure("name: x\npart:\n  name: p\n  waits: 1s\n"),
            "error: unknown field `waits`\n"
            " --> s.yaml:4:3\n"
            "4 |   waits: 1s\n"
            "  |   ^^^^^ did you mean `wait`?");
  EXPECT_EQ(failure("name: x\npart: {name: p, zzzzzz: 1}\n"),
            "error: unknown field `zzzzzz`\n"
            " --> s.yaml:2:17\n"
            "2 | part: {name: p, zzzzzz: 1}\n"
            "  |                 ^^^^^^ valid here: name, wait");
}

TEST(Read, MissingField) {
  EXPECT_EQ(failure("name: x\nparts:\n  - wait: 1s\n"),
            "error: `parts[0]`: field `name` is missing\n"
            " --> s.yaml:3:5\n"
            "3 |   - wait: 1s\n"
            "  |     ^ it is a name");
  EXPECT_EQ(failure("count: 1\n"),
            "error: field `name` is missing\n"
            " --> s.yaml:1:1\n"
            "1 | count: 1\n"
            "  | ^ it is text");
}

TEST(Read, TheRootMustBeAMap) {
  EXPECT_EQ(failure("- a\n"),
            "error: expected a map of fields, got a list\n --> s.yaml:1:1\n1 | - a\n  | ^");
  EXPECT_EQ(failure(""), "error: expected a map of fields, got nothing\n --> s.yaml:1:1");
}

TEST(Read, WrongTypes) {
  EXPECT_EQ(failure("name: x\nwords: 5\n"),
            "error: `words`: expected a list of text, got a number\n"
            " --> s.yaml:2:8\n"
            "2 | words: 5\n"
            "  |        ^");
  EXPECT_EQ(failure("name: x\nwords: [a, [b]]\n"),
            "error: `words[1]`: expected text, got a list\n"
            " --> s.yaml:2:12\n"
            "2 | words: [a, [b]]\n"
            "  |            ^");
  EXPECT_EQ(failure("name: 6.1\n"),
            "error: `name`: expected text, got a number\n"
            " --> s.yaml:1:7\n"
            "1 | name: 6.1\n"
            "  |       ^^^ if text is meant, quote it: \"6.1\"");
  EXPECT_THAT(failure("name:\n"), HasSubstr("`name`: expected text, got nothing"));
  EXPECT_THAT(failure("name: ''\n"), HasSubstr("`name`: expected text, got empty text"));
  EXPECT_THAT(failure("name: {a: 1}\n"), HasSubstr("`name`: expected text, got a map"));
  EXPECT_THAT(failure("name: x\nflag: yes\n"), HasSubstr("expected true or false, got text"));
  EXPECT_THAT(failure("name: x\ncount: '7'\n"), HasSubstr("expected a whole number, got text"));
  EXPECT_THAT(failure("name: x\nparts: {name: p}\n"),
              HasSubstr("`parts`: expected a list of maps, got a map"));
  EXPECT_THAT(failure("name: x\npart: p\n"), HasSubstr("`part`: expected a map, got text"));
  EXPECT_THAT(failure("name: |\n  a\n  b\n"), HasSubstr("expected one line of text, got several"));
}

TEST(Read, ImpossibleValues) {
  EXPECT_EQ(failure("name: x\ncount: 0\n"),
            "error: `count`: must be a whole number from 1 to 100, got 0\n"
            " --> s.yaml:2:8\n"
            "2 | count: 0\n"
            "  |        ^");
  EXPECT_THAT(failure("name: x\ncount: 1.5\n"), HasSubstr("must be a whole number from 1 to 100"));
  EXPECT_THAT(failure("name: x\ncount: 99999999999999999999\n"), HasSubstr("from 1 to 100"));
  EXPECT_THAT(failure("name: x\nseed: -1\n"), HasSubstr("got -1"));
  EXPECT_THAT(failure("name: x\nshare: .nan\n"), HasSubstr("must be a number from 0 to 1"));
  EXPECT_THAT(failure("name: x\nshare: 1e999\n"), HasSubstr("must be a number from 0 to 1"));
  EXPECT_THAT(failure("name: x\nbytes: 3B\n"), HasSubstr("must be from 1MiB to 1TiB, got 3B"));
  EXPECT_THAT(failure("name: x\npart: {name: p, wait: 2d}\n"),
              HasSubstr("`part.wait`: must be from 1s to 1h, got 2d"));
  EXPECT_THAT(failure("name: x\npart: {name: ../p}\n"),
              HasSubstr("a name has only a-z, 0-9 and -"));
}

TEST(Read, DurationsAndSizesNeedUnits) {
  EXPECT_EQ(failure("name: x\npart: {name: p, wait: 90}\n"),
            "error: `part.wait`: expected a duration, got a number\n"
            " --> s.yaml:2:23\n"
            "2 | part: {name: p, wait: 90}\n"
            "  |                       ^^ add a unit: 90s");
  EXPECT_THAT(failure("name: x\npart: {name: p, wait: soon}\n"), HasSubstr("like 90s, 10m or"));
  EXPECT_THAT(failure("name: x\nbytes: 512\n"), HasSubstr("^^^ add a unit: 512MiB"));
  EXPECT_THAT(failure("name: x\nbytes: lots\n"), HasSubstr("like 512MiB or 2GiB"));
}

TEST(Read, Words) {
  EXPECT_EQ(failure("name: x\ncolour: blu\n"),
            "error: `colour`: expected one of `red`, `blue`, got `blu`\n"
            " --> s.yaml:2:9\n"
            "2 | colour: blu\n"
            "  |         ^^^ did you mean `blue`?");
  EXPECT_THAT(failure("name: x\nmode: [fast]\n"),
              HasSubstr("expected one of `fast`, `slow`, got a list"));
}

TEST(Read, Paths) {
  EXPECT_EQ(failure("name: x\nfile: ../no/such\n"),
            "error: `file`: /usr/no/such does not exist\n"
            " --> s.yaml:2:7\n"
            "2 | file: ../no/such\n"
            "  |       ^^^^^^^^^^");
  EXPECT_THAT(failure("name: x\nfile: ../bin/\n"), HasSubstr("`file`: /usr/bin is not a file"));
  EXPECT_THAT(failure("name: x\nfile: /dev/null\n"), HasSubstr("/dev/null is not a file"));
}

TEST(Read, TheTableDocumentsItself) {
  Sample sample;
  std::vector<std::string> shown;
  for (const FieldDoc& field : table(&sample).fields()) {
    shown.push_back(field.name + "|" + field.type + "|" + field.fallback +
                    (field.required ? "|required" : ""));
  }
  EXPECT_THAT(shown,
              ElementsAre("name|text||required", "words|a list of text|[one]",
                          "flag|true or false|true", "count|a whole number, 1 to 100|6",
                          "share|a number, 0 to 1|0.5", "bytes|a size, 1MiB to 1TiB|2GiB",
                          "seed|a whole number, 0 to 18446744073709551615|0", "file|a file's path|",
                          "mode|one of `fast`, `slow`|fast", "colour|one of `red`, `blue`|red",
                          "part|a map|", "part.name|a name||required",
                          "part.wait|a duration, 1s to 1h|1m", "parts|a list of maps|",
                          "parts[].name|a name||required", "parts[].wait|a duration, 1s to 1h|1m"));
}

}  // namespace
}  // namespace kiln::conf
