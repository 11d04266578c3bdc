#include "controller/app/test_log.h"

#include <fmt/format.h>

#include <filesystem>

#include "lib/igt/results.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::controller {
namespace {

/// The result folder of one phase, unpacked; GNU tar itself refuses names that leave the folder.
Result<igt::Results> unpack(const blob::BlobStore& blobs, const std::string& digest,
                            const os::Path& folder) {
  KILN_TRY(blobs.copy_to(digest, folder / "results.tar.zst"));
  const os::Path tree = folder / "results";
  KILN_TRY(os::make_dirs(tree));
  os::Command tar;
  tar.argv = {"tar",         "--extract",
              "--zstd",      "--no-same-owner",
              "--file",      (folder / "results.tar.zst").string(),
              "--directory", tree.string()};
  KILN_TRY(os::run_ok(tar));
  return igt::read_results(tree);
}

std::string section(const std::string& title, const std::string& text) {
  if (text.empty()) return "";
  return fmt::format("\n-- {}\n{}{}", title, text, text.back() == '\n' ? "" : "\n");
}

std::string words_of(const blob::BlobStore& blobs, const std::string& digest,
                     const std::string& test) {
  const auto folder = os::TempFolder::make(std::filesystem::temp_directory_path(), "kiln-log-");
  if (!folder) return section("its result folder cannot be read", folder.error().message);
  const auto results = unpack(blobs, digest, folder->path());
  if (!results) return section("its result folder cannot be read", results.error().message);
  for (const igt::TestResult& result : results->tests)
    if (result.test == test)
      return section("stdout", result.out) + section("stderr", result.err) +
             section("the kernel meanwhile", result.dmesg);
  return section("its result folder has no words of it", test);
}

}  // namespace

Result<std::string> test_log(const blob::BlobStore& blobs, const v1::Session& session,
                             const std::string& test) {
  for (const v1::Result& result : session.results()) {
    if (result.test() != test) continue;
    std::string text = fmt::format("{}: {} in {:.1f} s (phase {})\n", test, result.outcome(),
                                   result.seconds(), result.phase());
    if (!result.reason().empty()) text += result.reason() + "\n";
    const auto stored = session.artifacts().find(fmt::format("results-{}.tar.zst", result.phase()));
    if (stored != session.artifacts().end()) return text + words_of(blobs, stored->second, test);
    return text + section("the kernel meanwhile", result.kernel_words());
  }
  return fail(ErrorKind::kNotFound,
              fmt::format("session {} has no result of `{}`", session.id(), test));
}

}  // namespace kiln::controller
