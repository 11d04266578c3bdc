#include "agent/hardware/pstore.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.h"
#include "lib/log/log.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{60'000};
constexpr uint64_t kMostAnswer = 8 << 20;
constexpr size_t kMostEarlier = 10;
constexpr std::string_view kRecord = "kiln-record ";
constexpr std::string_view kEnd = "kiln-end\n";

/// Drivers that are modules come first: without them nothing is shown.
std::string read_command(const std::vector<std::string>& folders) {
  std::string words;
  for (const std::string& folder : folders) words += " " + shell_quote(folder);
  return fmt::format(
      "PATH=$PATH:/usr/sbin:/sbin; for m in ramoops efi_pstore; do modprobe -q $m 2>/dev/null; "
      "done; p=/sys/fs/pstore; [ ! -d $p ] || grep -q \" $p pstore \" /proc/mounts || "
      "mount -t pstore pstore $p 2>/dev/null; "
      "find{} -type f 2>/dev/null | while IFS= read -r f; do echo \"{}$(wc -c <\"$f\") $f\"; "
      "cat \"$f\"; echo; done; echo kiln-end",
      words, kRecord);
}

std::string name_of(const PstoreRecord& record) {
  return record.path.substr(record.path.rfind('/') + 1);
}

bool is_dump(const PstoreRecord& record) {
  return name_of(record).starts_with("dmesg");
}

/// "Panic#2 Part3" of a dump's first line: a dump's last words are in part 1.
std::pair<int, int> part_of(const PstoreRecord& record) {
  const std::string_view first =
      std::string_view(record.bytes).substr(0, std::min<size_t>(record.bytes.find('\n'), 80));
  std::pair<int, int> out{0, 0};
  const auto number = [&](std::string_view word, int* to) {
    const size_t at = first.find(word);
    if (at == std::string_view::npos) return;
    const char* begin = first.data() + at + word.size();
    std::from_chars(begin, first.data() + first.size(), *to);
  };
  number("#", &out.first);
  number("Part", &out.second);
  out.second = -out.second;
  return out;
}

/// Of "0012.txt".
int number_of(const Path& file) {
  const std::string stem = file.stem().string();
  int out = 0;
  std::from_chars(stem.data(), stem.data() + stem.size(), out);
  return out;
}

/// Without "<4>".
void append_lines(const std::string& bytes, std::string* out) {
  for (const std::string& line : split_lines(bytes)) {
    const size_t end = line.starts_with('<') ? line.find('>') : std::string::npos;
    const bool level = end != std::string::npos && end > 1 && end <= 4 &&
                       line.find_first_not_of("0123456789", 1) == end;
    out->append(level ? line.substr(end + 1) : line);
    *out += '\n';
  }
}

}  // namespace

std::vector<std::string> pstore_folders() {
  return {"/sys/fs/pstore", "/var/lib/systemd/pstore"};
}

Result<std::vector<PstoreRecord>> read_records(std::string_view answer) {
  const auto broken = [] {
    return fail(ErrorKind::kInfrastructure, "what a crash left could not be read whole");
  };
  std::vector<PstoreRecord> out;
  while (answer != kEnd) {
    const size_t line = answer.find('\n');
    if (!answer.starts_with(kRecord) || line == std::string_view::npos) return broken();
    const std::string_view head = answer.substr(kRecord.size(), line - kRecord.size());
    answer.remove_prefix(line + 1);
    const size_t blank = head.find(' ');
    size_t size = 0;
    const auto read = std::from_chars(head.data(), head.data() + head.size(), size);
    if (blank == std::string_view::npos || read.ec != std::errc() ||
        read.ptr != head.data() + blank || size >= answer.size() || answer[size] != '\n')
      return broken();
    out.push_back({std::string(head.substr(blank + 1)), std::string(answer.substr(0, size))});
    answer.remove_prefix(size + 1);
  }
  return out;
}

Result<std::vector<PstoreRecord>> read_pstore(Shell& shell, const std::vector<std::string>& folders,
                                              std::stop_token stop) {
  ShellRequest request;
  request.command = read_command(folders);
  request.timeout = kLimit;
  request.max_output = kMostAnswer;
  KILN_ASSIGN(const ShellReply reply, shell.run(request, std::move(stop)));
  if (reply.truncated)
    return fail(ErrorKind::kNoSpace,
                fmt::format("what a crash left is more than {}", human_bytes(kMostAnswer)));
  return read_records(reply.out);
}

Status clear_pstore(Shell& shell, const std::vector<PstoreRecord>& records, std::stop_token stop) {
  ShellRequest request;
  request.command = "rm -f --";
  for (const PstoreRecord& record : records) request.command += " " + shell_quote(record.path);
  request.timeout = kLimit;
  KILN_ASSIGN(const ShellReply reply, shell.run(request, std::move(stop)));
  if (reply.ok()) return {};
  return fail(ErrorKind::kInfrastructure,
              "what a crash left could not be removed: " + to_valid_utf8(trim(reply.err)));
}

bool has_dump(const std::vector<PstoreRecord>& records) {
  return std::any_of(records.begin(), records.end(), is_dump);
}

std::string pstore_text(std::vector<PstoreRecord> records) {
  std::stable_sort(records.begin(), records.end(),
                   [](const PstoreRecord& a, const PstoreRecord& b) {
                     if (is_dump(a) != is_dump(b)) return is_dump(a);
                     const auto left = part_of(a);
                     const auto right = part_of(b);
                     return left != right ? left < right : a.path < b.path;
                   });
  std::string out;
  for (const PstoreRecord& record : records) {
    out += "== " + name_of(record) + "\n";
    if (name_of(record).ends_with(".z"))
      out += fmt::format("{} that its kernel could not unpack\n", human_bytes(record.bytes.size()));
    else
      append_lines(record.bytes, &out);
  }
  return out;
}

void CrashKeeper::begin_session() {
  for (const Path& file : kept()) (void)file_away(file);
}

void CrashKeeper::look(const std::string& machine, Shell& shell, bool ours, bool orderly,
                       std::stop_token stop) {
  const auto found = fetch(shell, ours, orderly, std::move(stop));
  if (found && !*found) return;
  log::line(found ? log::Level::kInfo : log::Level::kWarning, "what a crash left on a machine",
            {{"machine", machine},
             {"state", found ? (ours ? "kept for its session" : "of no session; filed away")
                             : found.error().message}});
}

/// False when there is nothing to keep.
Result<bool> CrashKeeper::fetch(Shell& shell, bool ours, bool orderly, std::stop_token stop) {
  KILN_ASSIGN(const auto records, read_pstore(shell, sources_, stop));
  if (records.empty() || (orderly && !has_dump(records))) return false;
  KILN_TRY(os::make_dirs(folder_));
  const auto before = kept();
  const int number = before.empty() ? 1 : number_of(before.back()) + 1;
  const Path file = folder_ / fmt::format("{:04}.txt", number);
  KILN_TRY(os::write_atomic(file, pstore_text(records)));
  KILN_TRY(clear_pstore(shell, records, stop));
  if (!ours) KILN_TRY(file_away(file));
  return true;
}

/// Below earlier/, whose oldest go.
Status CrashKeeper::file_away(const Path& file) {
  const Path earlier = folder_ / "earlier";
  KILN_TRY(os::make_dirs(earlier));
  KILN_ASSIGN(auto files, os::list_files(earlier));
  const int number = files.empty() ? 1 : number_of(files.back()) + 1;
  std::error_code code;
  std::filesystem::rename(file, earlier / fmt::format("{:06}.txt", number), code);
  if (code) return fail(os::errno_error("file away", file, code.value()));
  for (size_t i = 0; i + kMostEarlier <= files.size(); ++i)
    std::filesystem::remove(earlier / files[i], code);
  return {};
}

std::vector<Path> CrashKeeper::kept() const {
  std::vector<Path> out;
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder_, code), end; !code && at != end;
       at.increment(code)) {
    const std::string stem = at->path().stem().string();
    if (at->path().extension() == ".txt" && stem.size() == 4 &&
        stem.find_first_not_of("0123456789") == std::string::npos)
      out.push_back(at->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace kiln::agent
