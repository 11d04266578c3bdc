#include "controller/app/watching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "controller/fleet/testing.h"
#include "lib/base/text.h"
#include "lib/conf/read.h"
#include "lib/http/client.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;

class WatchingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = os::TempFolder::make("/tmp", "watching-test");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    auto database = db::Database::open(folder_->path() / "kiln.db");
    ASSERT_TRUE(database) << render(database.error());
    database_.emplace(std::move(*database));
    lab_ = std::make_unique<fleet::Dispatcher>(fleet_, store_, clock_, fleet::DispatcherOptions{});
    SpaceParts space;
    space.folder = "/data";
    space.mark = 1000;
    space.free_bytes = [this](const os::Path&) -> Result<uint64_t> { return free_; };
    space.changed = [this](const std::string& why) { lab_->pause(why); };
    space_ = std::make_unique<SpaceWatch>(std::move(space));
    watching_.emplace(WatchingParts{clock_, metrics_, fleet_, *lab_, *space_, *database_,
                                    folder_->path() / "kiln.db"});
    ASSERT_TRUE(watching_->serve("127.0.0.1:0"));
  }
  void TearDown() override { watching_->stop(); }

  http::Response get(const std::string& path) {
    http::CurlClient client;
    http::Request request;
    request.url = "http://127.0.0.1:" + std::to_string(watching_->port()) + path;
    const auto response = client.send(request);
    EXPECT_TRUE(response) << render(response.error());
    return response.value_or(http::Response{});
  }
  /// Names of all samples.
  std::set<std::string> scraped() {
    std::set<std::string> names;
    for (const std::string& line : split_lines(get("/metrics").body))
      if (!line.starts_with("#")) names.insert(line.substr(0, line.find_first_of("{ ")));
    return names;
  }

  std::optional<os::TempFolder> folder_;
  SystemClock clock_;
  std::atomic<uint64_t> free_{5000};
  std::optional<db::Database> database_;
  fleet::Fleet fleet_;
  fleet::MemoryLeaseStore store_;
  Metrics metrics_{"0"};
  std::unique_ptr<fleet::Dispatcher> lab_;
  std::unique_ptr<SpaceWatch> space_;
  std::optional<Watching> watching_;
};

TEST_F(WatchingTest, HealthHasItsReasons) {
  EXPECT_EQ(get("/live").status, 200);
  EXPECT_EQ(get("/ready").status, 200);
  EXPECT_EQ(get("/ready").body, "{\"ready\":true,\"reasons\":[]}\n");
  free_ = 10;
  EXPECT_FALSE(space_->check());
  EXPECT_EQ(get("/ready").status, 503);
  EXPECT_THAT(get("/ready").body, HasSubstr("10 B are free in /data"));
  EXPECT_EQ(get("/live").status, 200);
  EXPECT_THAT(get("/metrics").body, HasSubstr("kiln_paused 1\n"));
  free_ = 5000;
  EXPECT_TRUE(space_->check());
  EXPECT_EQ(get("/ready").status, 200);
  EXPECT_THAT(get("/metrics").body, HasSubstr("kiln_data_free_bytes 5000\n"));
}

TEST_F(WatchingTest, MachinesAreCounted) {
  v1::Hello hello;
  hello.set_agent("a1");
  hello.add_machines()->set_name("m1");
  hello.add_machines()->set_name("m2");
  fleet_.connected("a1", hello, nullptr);
  const std::string text = get("/metrics").body;
  EXPECT_THAT(text, HasSubstr("kiln_agents_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("kiln_machines{state=\"ready\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kiln_machines{state=\"quarantined\"} 0\n"));
}

/// What the example alerts on is there, from the start.
TEST_F(WatchingTest, TheExampleAlertsNameWhatThereIs) {
  const os::Path file = os::Path(KILN_SOURCE_DIR) / "docs/kiln-alerts.yml";
  const auto document = conf::load(file.string());
  ASSERT_TRUE(document) << render(document.error());
  const std::string text = *os::read_file(file);
  const std::set<std::string> names = scraped();
  EXPECT_GT(names.size(), 15U);
  int expressions = 0;
  static const std::regex kName("kiln_[a-z_]+");
  for (const std::string& line : split_lines(text)) {
    if (!trim(line).starts_with("expr:")) continue;
    ++expressions;
    for (std::sregex_iterator it(line.begin(), line.end(), kName), end; it != end; ++it)
      EXPECT_TRUE(names.contains(it->str())) << it->str() << " in: " << line;
  }
  EXPECT_GE(expressions, 8);
}

TEST_F(WatchingTest, EachFigureIsInItsPage) {
  const std::string page = *os::read_file(os::Path(KILN_SOURCE_DIR) / "docs/metrics.md");
  std::set<std::string> families;
  for (const std::string& line : split_lines(get("/metrics").body))
    if (line.starts_with("# TYPE ")) families.insert(split(line, ' ')[2]);
  EXPECT_GE(families.size(), 17U);
  for (const std::string& family : families) EXPECT_THAT(page, HasSubstr("| `" + family + "` |"));
}

}  // namespace
}  // namespace kiln::controller
