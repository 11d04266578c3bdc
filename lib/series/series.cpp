#include "lib/series/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::series {
namespace {

/// Offset of the diff in a mail's body, or npos.
size_t diff_offset(std::string_view body) {
  size_t at = 0;
  while (at < body.size()) {
    const std::string_view rest = body.substr(at);
    if (rest.starts_with("diff --git ")) return at;
    if (rest.starts_with("--- ")) {
      const size_t next = rest.find('\n');
      if (next != std::string_view::npos && rest.substr(next + 1).starts_with("+++ ")) return at;
    }
    const size_t end = body.find('\n', at);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return std::string_view::npos;
}

/// Commit message: up to "---" or the diff.
std::string message_text(std::string_view body, size_t diff_at) {
  std::string_view text = body.substr(0, diff_at);
  const size_t dashes = text.starts_with("---\n") ? 0 : text.find("\n---\n");
  if (dashes != std::string_view::npos) text = text.substr(0, dashes);
  return to_valid_utf8(trim(text));
}

struct Parsed {
  Mail mail;
  std::string name;
  size_t diff_at = std::string::npos;
};

bool is_reply(const Mail& mail) {
  return mail.subject.size() > 3 &&
         (mail.subject.starts_with("Re:") || mail.subject.starts_with("RE:"));
}

Result<Patch> to_patch(Parsed& parsed) {
  Patch patch;
  patch.name = parsed.name;
  patch.subject = parsed.mail.title.empty() ? parsed.name : parsed.mail.title;
  patch.author = parsed.mail.author;
  patch.message_id = parsed.mail.message_id;
  patch.body = message_text(parsed.mail.body, parsed.diff_at);
  patch.diff = parsed.mail.body.substr(parsed.diff_at);
  const auto skipped = static_cast<std::ptrdiff_t>(parsed.diff_at);
  patch.diff_line = parsed.mail.body_line +
                    static_cast<int>(std::count(parsed.mail.body.begin(),
                                                parsed.mail.body.begin() + skipped, '\n'));
  KILN_ASSIGN(patch.files, parse_diff(patch.diff, patch.name, patch.diff_line));
  if (patch.files.empty())
    return fail(ErrorKind::kBadInput, fmt::format("{} changes no file", patch.name));
  return patch;
}

/// Refuses a series of which a numbered patch is missing or comes twice.
Status check_numbers(const std::vector<Parsed>& patches, const std::string& where) {
  int total = 0;
  for (const Parsed& p : patches) total = std::max(total, p.mail.total);
  if (total == 0 || std::any_of(patches.begin(), patches.end(),
                                [](const Parsed& p) { return p.mail.number < 0; }))
    return {};
  if (total > static_cast<int>(kMaxMessages))
    return fail(ErrorKind::kBadInput, fmt::format("{} says it has {} patches, the limit is {}",
                                                  where, total, kMaxMessages));
  for (int wanted = 1; wanted <= total; ++wanted) {
    const auto count = std::count_if(patches.begin(), patches.end(),
                                     [&](const Parsed& p) { return p.mail.number == wanted; });
    if (count == 0)
      return fail(ErrorKind::kBadInput,
                  fmt::format("patch {}/{} is missing in {}", wanted, total, where));
    if (count > 1)
      return fail(ErrorKind::kBadInput,
                  fmt::format("patch {}/{} comes {} times in {}", wanted, total, count, where));
  }
  return {};
}

Result<std::vector<Parsed>> parse_all(std::vector<Message>& messages, const std::string& where) {
  if (messages.size() > kMaxMessages)
    return fail(ErrorKind::kBadInput, fmt::format("{} holds {} messages, the limit is {}", where,
                                                  messages.size(), kMaxMessages));
  size_t bytes = 0;
  for (const Message& m : messages) bytes += m.text.size();
  if (bytes > kMaxSeriesBytes)
    return fail(ErrorKind::kBadInput, fmt::format("{} is larger than {}: not a patch series", where,
                                                  human_bytes(kMaxSeriesBytes)));
  std::vector<Parsed> all;
  std::set<std::string> seen;
  for (Message& message : messages) {
    Parsed parsed;
    KILN_ASSIGN(parsed.mail, parse_mail(message));
    parsed.name = std::move(message.name);
    if (is_reply(parsed.mail)) continue;
    if (!parsed.mail.message_id.empty() && !seen.insert(parsed.mail.message_id).second) continue;
    parsed.diff_at = diff_offset(parsed.mail.body);
    all.push_back(std::move(parsed));
  }
  int newest = 1;
  for (const Parsed& p : all) newest = std::max(newest, p.mail.version);
  std::erase_if(all,
                [&](const Parsed& p) { return p.mail.number >= 0 && p.mail.version < newest; });
  return all;
}

/// Mails of one sending answer to each other; what they answer to beside that is another thread.
std::vector<std::string> answers_outside(const std::vector<Parsed>& all) {
  std::set<std::string> own;
  for (const Parsed& p : all) own.insert(p.mail.message_id);
  std::set<std::string> out;
  for (const Parsed& p : all)
    for (const std::string& id : p.mail.answers)
      if (own.count(id) == 0) out.insert(id);
  return {out.begin(), out.end()};
}

}  // namespace

Result<Series> assemble(std::vector<Message> messages, const std::string& where) {
  KILN_ASSIGN(std::vector<Parsed> all, parse_all(messages, where));
  Series series;
  series.answers = answers_outside(all);
  std::vector<Parsed> patches;
  for (Parsed& parsed : all) {
    series.version = std::max(series.version, parsed.mail.version);
    const bool cover = parsed.diff_at == std::string::npos &&
                       (parsed.mail.number == 0 || parsed.name.starts_with("0000-"));
    if (cover && series.title.empty()) {
      series.title = parsed.mail.title;
      series.author = parsed.mail.author;
      series.message_id = parsed.mail.message_id;
      series.cover = to_valid_utf8(trim(parsed.mail.body));
    } else if (parsed.diff_at != std::string::npos) {
      patches.push_back(std::move(parsed));
    } else if (parsed.mail.number > 0) {
      return fail(ErrorKind::kBadInput, fmt::format("{} holds no diff", parsed.name));
    }
  }
  if (patches.empty())
    return fail(Error(ErrorKind::kBadInput, fmt::format("no patch in {}", where))
                    .with_hint("write the series with: git format-patch -o FOLDER BASE..TIP"));
  KILN_TRY(check_numbers(patches, where));
  std::stable_sort(patches.begin(), patches.end(), [](const Parsed& a, const Parsed& b) {
    return a.mail.number >= 0 && b.mail.number >= 0 && a.mail.number < b.mail.number;
  });
  for (Parsed& parsed : patches) {
    KILN_ASSIGN(Patch patch, to_patch(parsed));
    series.patches.push_back(std::move(patch));
  }
  if (series.title.empty()) series.title = series.patches.front().subject;
  if (series.author.empty()) series.author = series.patches.front().author;
  if (series.message_id.empty()) series.message_id = series.patches.front().message_id;
  return series;
}

Result<Series> load_folder(const os::Path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    return fail(ErrorKind::kBadInput,
                fmt::format("the series folder {} is not there", folder.string()));
  std::vector<os::Path> paths;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->path().extension() == ".patch") paths.push_back(it->path());
  if (error) return fail(os::errno_error("read", folder, error.value()));
  std::sort(paths.begin(), paths.end());
  if (paths.size() > kMaxMessages)
    return fail(ErrorKind::kBadInput, fmt::format("{} holds {} patches, the limit is {}",
                                                  folder.string(), paths.size(), kMaxMessages));
  std::vector<Message> messages;
  size_t left = kMaxSeriesBytes;
  for (const os::Path& path : paths) {
    KILN_ASSIGN(std::string text, os::read_file(path, left));
    left -= text.size();
    messages.push_back({path.filename().string(), std::move(text)});
  }
  return assemble(std::move(messages), folder.string());
}

std::vector<std::string> touched_files(const Series& series) {
  std::set<std::string> files;
  for (const Patch& patch : series.patches)
    for (const FileChange& file : patch.files) {
      files.insert(file.path);
      if (!file.old_path.empty()) files.insert(file.old_path);
    }
  return {files.begin(), files.end()};
}

}  // namespace kiln::series
