#include "controller/app/logs.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "controller/app/log_page.h"
#include "controller/app/test_log.h"
#include "controller/results/session_rows.h"
#include "lib/base/text.h"
#include "lib/db/run_table.h"

namespace kiln::controller {
namespace {

constexpr int kUsualLines = 400;
constexpr int kMostLines = 2000;
constexpr int kUsualHits = 200;
constexpr int kMostHits = 1000;
constexpr int64_t kMostCounted = 1'000'000;
constexpr size_t kMostText = 1000;
constexpr size_t kMostSizes = 4096;
constexpr int64_t kExpressionMemory = 8 << 20;
constexpr const char* kConsole = "console";

Error nobody_waits() {
  return {ErrorKind::kCancelled, "nobody waits for this log any more"};
}

/// Whether a line is a hit; kBadInput for an expression that is none.
Result<std::function<bool(std::string_view)>> matcher(const v1::SearchLogRequest& request) {
  const std::string& text = request.text();
  if (text.empty()) return fail(ErrorKind::kBadInput, "there is nothing to search for");
  if (text.size() > kMostText)
    return fail(ErrorKind::kBadInput,
                fmt::format("what is searched for has at most {} bytes", kMostText));
  if (!request.expression())
    return [text](std::string_view line) { return line.find(text) != std::string_view::npos; };
  re2::RE2::Options options(re2::RE2::Latin1);  // logs are bytes
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemory);
  const auto expression = std::make_shared<re2::RE2>(text, options);
  if (!expression->ok())
    return fail(Error(ErrorKind::kBadInput, "this is no expression: " + expression->error())
                    .with_hint("RE2's syntax, as of the known issues' --text"));
  return [expression](std::string_view line) {
    return re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *expression);
  };
}

int within(int asked, int usual, int most) {
  return asked <= 0 ? usual : std::min(asked, most);
}

}  // namespace

Result<Logs::Source> Logs::find(int64_t run_id, int64_t session_id, const std::string& what) {
  KILN_ASSIGN(const db::StoredSession row, db::SessionTable(parts_.database).get(session_id));
  if (run_id != 0 && row.run_id != run_id)
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("run {} has no session {}", run_id, session_id))
            .with_hint(fmt::format("that one is of run {}", row.run_id)));
  if (row.state != "done") {
    KILN_ASSIGN(const db::RunRow run, db::RunTable(parts_.database).get(row.run_id));
    if (run.state != "running")
      return fail(
          Error(ErrorKind::kNotFound, fmt::format("session {} has no logs: run {} was interrupted",
                                                  session_id, row.run_id))
              .with_hint("when the run goes on, its agent hands over what it has"));
    if (what == kConsole) return Source{"", "", session_id};
    return fail(Error(ErrorKind::kNotFound, fmt::format("session {} is still going on", session_id))
                    .with_hint("its console can be read; the other logs when it has ended"));
  }
  KILN_ASSIGN(const auto cleared, parts_.store.cleared(row.run_id));
  if (cleared)
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("the logs of run {} were cleared away on {}",
                                                row.run_id, to_rfc3339(*cleared).substr(0, 10)))
            .with_hint("its results, findings and report are kept"));
  if (const auto found = row.artifacts.find(what); found != row.artifacts.end())
    return Source{found->second};
  auto words = test_log(parts_.blobs, results::to_session(row), what);
  if (words) return Source{"", std::move(*words)};
  if (words.error().kind != ErrorKind::kNotFound) return fail(words.error());
  std::vector<std::string> names;
  for (const auto& [name, digest] : row.artifacts) names.push_back(name);
  return fail(
      Error(ErrorKind::kNotFound, fmt::format("session {} has neither a log nor a test `{}`",
                                              session_id, to_valid_utf8(what.substr(0, 200))))
          .with_hint("its logs: " + join(names, ", ")));
}

Result<Logs::Size> Logs::go_through(const Source& source, const std::function<bool()>& stopped,
                                    const LineCutter::Line& line) {
  if (source.speaks != 0) {
    const results::ConsoleTails::Said said = parts_.consoles.of(source.speaks);
    int64_t number = said.first;
    for (const std::string& text : said.lines)
      if (!line(number++, text)) break;
    return Size{said.all_lines, said.all_bytes, said.first};
  }
  bool enough = false;
  bool cancelled = false;
  LineCutter cutter([&](int64_t number, std::string_view text) {
    enough = !line(number, text);
    return !enough;
  });
  const auto piece = [&](std::string_view bytes) {
    cancelled = stopped();
    return !cancelled && cutter.take(bytes);
  };
  if (source.digest.empty())
    (void)piece(source.words);
  else
    KILN_TRY(parts_.blobs.read(source.digest, 0, piece));
  if (cancelled) return fail(nobody_waits());
  if (!enough) cutter.finish();
  return Size{cutter.lines(), cutter.bytes()};
}

std::optional<Logs::Size> Logs::known_size(const Source& source) {
  if (source.digest.empty()) return std::nullopt;
  auto sizes = sizes_.lock();
  const auto found = sizes->find(source.digest);
  return found == sizes->end() ? std::nullopt : std::optional<Size>(found->second);
}

Result<v1::ReadLogReply> Logs::read_log(const v1::ReadLogRequest& request,
                                        const std::function<bool()>& stopped) {
  if (request.first_line() < 0) return fail(ErrorKind::kBadInput, "lines count from 1");
  KILN_ASSIGN(const Source source, find(request.run_id(), request.session_id(), request.what()));
  LogPage page(request.first_line(), within(request.lines(), kUsualLines, kMostLines));
  auto size = known_size(source);
  bool wanted = true;
  KILN_ASSIGN(const Size read,
              go_through(source, stopped, [&](int64_t number, std::string_view line) {
                wanted = wanted && page.take(number, line);
                return wanted || !size;  // else only to count
              }));
  if (!size || wanted) {
    size = read;
    auto sizes = sizes_.lock();
    if (sizes->size() >= kMostSizes) sizes->clear();
    if (!source.digest.empty()) (*sizes)[source.digest] = *size;
  }
  v1::ReadLogReply reply;
  reply.set_first_line(page.first_line());
  for (const std::string& line : page.lines()) reply.add_lines(line);
  reply.set_total_lines(size->lines);
  reply.set_total_bytes(size->bytes);
  reply.set_growing(source.speaks != 0);
  if (reply.growing()) reply.set_oldest_line(size->oldest);
  return reply;
}

Result<v1::SearchLogReply> Logs::search_log(const v1::SearchLogRequest& request,
                                            const std::function<bool()>& stopped) {
  KILN_ASSIGN(const auto matches, matcher(request));
  KILN_ASSIGN(const Source source, find(request.run_id(), request.session_id(), request.what()));
  const int limit = within(request.limit(), kUsualHits, kMostHits);
  v1::SearchLogReply reply;
  int64_t total = 0;
  size_t bytes = 0;
  KILN_TRY(go_through(source, stopped, [&](int64_t number, std::string_view line) {
    if (!matches(line)) return true;
    ++total;
    if (number >= request.from_line() && reply.hits_size() < limit && bytes < LogPage::kMostBytes) {
      bytes += line.size();
      v1::LogHit* hit = reply.add_hits();
      hit->set_line(number);
      hit->set_text(line.data(), line.size());
    }
    return total < kMostCounted;
  }));
  reply.set_total(total);
  reply.set_counted_all(total < kMostCounted);
  return reply;
}

}  // namespace kiln::controller
