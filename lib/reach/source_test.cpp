#include "lib/reach/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/reach/lexer.h"

namespace kiln::reach {
namespace {

using testing::ElementsAre;

/// One letter a line: . empty, # directive, M macro, O outside, B braces, D declaration, F
/// signature, S statement.
std::string shape(std::string_view text) {
  const Source source = scan_source(text);
  std::string out;
  const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  for (int line = 1; line <= lines; ++line)
    out += ".#MOBDFS"[static_cast<size_t>(source.line(line).kind)];
  return out;
}

TEST(Source, TellsWhatALineIs) {
  EXPECT_EQ(shape("/* a\n"
                  " * b */\n"
                  "#include <x.h>\n"
                  "#define A 1\n"
                  "struct s {\n"
                  "\tint a;\n"
                  "};\n"
                  "static int f(struct s *s,\n"
                  "\t     int n)\n"
                  "{\n"
                  "\tint ret;\n"
                  "\tchar *p = 0;\n"
                  "\n"
                  "\tif (n) {\n"
                  "\t\tgo(s,\n"
                  "\t\t   n);\n"
                  "\t} else\n"
                  "\t\tret = 2; // why\n"
                  "out:\n"
                  "\treturn ret;\n"
                  "}\n"),
            "..#MOOOFFFDS.SSSBSBSB");
}

TEST(Source, StatementsKnowTheirLines) {
  const Source source = scan_source(
      "int f(void)\n"
      "{\n"
      "\tif (a &&\n"
      "\t    b)\n"
      "\t\tc(d,\n"
      "\t\t  e);\n"
      "\tx = (struct s){\n"
      "\t\t.a = 1,\n"
      "\t};\n"
      "\tfor_each_it(x) {\n"
      "\t\ty();\n"
      "\t}\n"
      "}\n");
  const auto range = [&](int line) {
    return std::pair(source.line(line).first, source.line(line).last);
  };
  EXPECT_EQ(range(3), std::pair(3, 4));
  EXPECT_EQ(range(4), std::pair(3, 4));
  EXPECT_EQ(range(5), std::pair(5, 6));
  EXPECT_EQ(range(8), std::pair(7, 9));
  EXPECT_EQ(range(10), std::pair(10, 10));
  EXPECT_EQ(range(11), std::pair(11, 11));
  ASSERT_EQ(source.functions.size(), 1u);
  EXPECT_EQ(source.functions[0].name, "f");
  EXPECT_EQ(source.functions[0].last, 13);
}

TEST(Source, FunctionsAreNamedPastAttributesAndMacros) {
  const Source source = scan_source(
      "EXPORT_SYMBOL(before)\n"
      "static __printf(1, 2) int named(const char *f, ...)\n"
      "\t__releases(lock)\n"
      "{\n"
      "}\n"
      "static const struct ops table = {\n"
      "\t.call = named,\n"
      "};\n"
      "DEFINE_MUTEX(m);\n");
  ASSERT_EQ(source.functions.size(), 1u);
  EXPECT_EQ(source.functions[0].name, "named");
  EXPECT_EQ(source.line(7).kind, LineKind::kOutside);
}

TEST(Source, BranchesOfThePreprocessorBeginAlike) {
  const Source source = scan_source(
      "int f(void)\n"
      "{\n"
      "#ifdef A\n"
      "\tif (a) {\n"
      "#else\n"
      "\tif (b) {\n"
      "#endif\n"
      "\t\tc();\n"
      "\t}\n"
      "}\n"
      "int g;\n");
  ASSERT_EQ(source.functions.size(), 1u);
  EXPECT_EQ(source.functions[0].last, 10);
  EXPECT_EQ(source.line(11).kind, LineKind::kOutside);
}

TEST(Source, MacrosKeepTheirLinesAndWords) {
  const Source source = scan_source(
      "#define A(x) \\\n"
      "\tb(x)\n"
      "#define GUARD\n"
      "int y;\n");
  ASSERT_EQ(source.macros.size(), 2u);
  EXPECT_EQ(source.macro_at(2)->name, "A");
  EXPECT_EQ(source.macro_at(3)->name, "GUARD");
  EXPECT_TRUE(source.macros[1].words.empty());
  EXPECT_EQ(source.macro_at(4), nullptr);
}

TEST(Source, WordsInCommentsAndLiteralsAreNoUses) {
  EXPECT_THAT(lines_with("/* A */ \"A\"\nA(1);\nBA;\n#define X A\nb(A, A);\n", "A"),
              ElementsAre(2, 5));
}

TEST(Source, AnyBytesAreTaken) {
  std::string deep(100'000, '{');
  EXPECT_EQ(scan_source("int f(void)\n{\n" + deep).functions.size(), 1u);
  for (const char* text : {"", "}", ")", "f(){)]}}}", "\"", "'", "/*", "#", "#else\n#endif\n#endif",
                           "#if\n#if\n#else", "\\", "int f(){ ( }", "\xff\xfe{", "#define"})
    scan_source(text);
}

TEST(Lexer, CountsLinesThroughContinuations) {
  Lexer lexer("#define A \\\n 1\n/*\n*/ b");
  const Token directive = lexer.next();
  EXPECT_EQ(directive.last_line, 2);
  const Token word = lexer.next();
  EXPECT_EQ(word.text, "b");
  EXPECT_EQ(word.line, 4);
  EXPECT_EQ(lexer.next().kind, Token::Kind::kEnd);
}

}  // namespace
}  // namespace kiln::reach
