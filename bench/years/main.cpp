/// Makes a data folder with years of nights in it: docs/performance.md says what is measured there.
/// The schema is the product's own; the rows are written in one go, without its transactions.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <vector>

#include "bench/years/rows.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"
#include "lib/os/files.h"

namespace kiln::bench {
namespace {

constexpr int kLogLines = 20'000;
constexpr int kEvidenceLine = 1204;  // that the findings name
constexpr int kSymbols = 3000;
constexpr uint64_t kMostSample = 64 << 20;

std::string console() {
  std::string text;
  for (int line = 1; line <= kLogLines; ++line)
    text +=
        line == kEvidenceLine
            ? "[   41.400000] BUG: unable to handle page fault for address: f7a01000\n"
            : fmt::format("[{:12.6f}] i915 0000:00:02.0: [drm:intel_power_well_enable] line {}\n",
                          line / 30.0, line);
  return text;
}

std::string config(bool highmem) {
  std::string text = highmem ? "CONFIG_HIGHMEM=y\nCONFIG_HIGHMEM4G=y\n" : "CONFIG_NOHIGHMEM=y\n";
  for (int i = 0; i < kSymbols; ++i) text += fmt::format("CONFIG_OPTION_{}=y\n", i);
  return text;
}

Result<v1::RunReport> read_sample(const std::string& file) {
  v1::RunReport report;
  if (file.empty()) return report;
  KILN_ASSIGN(const std::string json, os::read_file(file, kMostSample));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (!google::protobuf::util::JsonStringToMessage(json, &report, options).ok())
    return fail(ErrorKind::kBadInput, file + " is no report");
  return report;
}

/// Rows come fastest without an index to keep in order: they are made when all is there.
std::vector<std::string> drop_indexes(SQLite::Database& db) {
  std::vector<std::pair<std::string, std::string>> found;
  SQLite::Statement list(db,
                         "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT"
                         " NULL AND tbl_name IN ('results', 'measurements', 'findings')");
  while (list.executeStep())
    found.emplace_back(list.getColumn(0).getString(), list.getColumn(1).getString());
  std::vector<std::string> make;
  for (const auto& [name, text] : found) {
    db.exec("DROP INDEX " + name);
    make.push_back(text);
  }
  return make;
}

Result<int> make(const os::Path& data, const Size& size, const std::string& sample_file) {
  const os::Path file = data / "kiln.db";
  if (std::filesystem::exists(file))
    return fail(ErrorKind::kConflict, file.string() + " is there already");
  KILN_ASSIGN(const v1::RunReport sample, read_sample(sample_file));
  KILN_TRY(os::make_dirs(data));
  KILN_ASSIGN(auto blobs, blob::BlobStore::open(data / "blobs"));
  Blobs shared;
  KILN_ASSIGN(shared.console, blobs.put(console()));
  KILN_ASSIGN(shared.config[0], blobs.put(config(true)));
  KILN_ASSIGN(shared.config[1], blobs.put(config(false)));
  KILN_TRY(db::Database::open(file));  // the schema
  const auto begun = std::chrono::steady_clock::now();
  SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
  const std::vector<std::string> indexes = drop_indexes(db);
  const int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  db.exec("BEGIN");
  Rows rows(db, size, sample, shared, now);
  rows.write([](int runs) {
    if (runs % 1000 == 0) std::cerr << runs << " runs\n";
  });
  for (const std::string& text : indexes) db.exec(text);
  db.exec("COMMIT; PRAGMA journal_mode = WAL");
  std::cout << fmt::format(
      "{{\"runs\": {}, \"results\": {}, \"mib\": {}, \"seconds\": {:.0f}}}\n",
      size.nights * size.jobs, rows.results(), std::filesystem::file_size(file) >> 20U,
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return 0;
}

}  // namespace
}  // namespace kiln::bench

int main(int argc, char** argv) {
  using namespace kiln;
  CLI::App app("Makes a data folder with years of nights in it.");
  bench::Size size;
  std::string data;
  std::string sample;
  app.add_option("DATA", data, "a folder without a database")->required();
  app.add_option("--nights", size.nights)->check(CLI::Range(1, 10'000));
  app.add_option("--jobs", size.jobs, "runs a night")->check(CLI::Range(1, 1000));
  app.add_option("--tests", size.tests, "of each of a run's four boots")
      ->check(CLI::Range(10, 900));
  app.add_option("--machines", size.machines)->check(CLI::Range(1, 10'000));
  app.add_option("--open", size.open, "findings that wait for a person")
      ->check(CLI::Range(0, 100'000));
  app.add_option("--report", sample, "a real run's report (JSON), which lends what is not made up");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto done = bench::make(data, size, sample);
    if (done) return *done;
    std::cerr << render(done.error());
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
  }
  return 1;
}
