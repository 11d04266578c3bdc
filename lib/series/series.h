#pragma once
/// A patch series as plain data: messages parsed, what each patch touches. Pure but for
/// load_folder(). Thread-safety: plain values.
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::series {

inline constexpr size_t kMaxSeriesBytes = 32u << 20;  ///< of all messages together
inline constexpr size_t kMaxMessages = 1000;

/// One line of a hunk.
struct HunkLine {
  char kind = ' ';   ///< '+', '-' or ' '
  int old_line = 0;  ///< line in the old file; for '+' the next one
  int new_line = 0;  ///< line in the new file; for '-' the place where it was
  std::string text;  ///< without the mark
};

struct Hunk {
  int old_start = 0, old_count = 0;
  int new_start = 0, new_count = 0;
  int patch_line = 0;  ///< line of its @@ in the patch file, from 1
  std::vector<HunkLine> lines;
};

/// One file in a patch.
struct FileChange {
  std::string path;      ///< new name; the old one when deleted
  std::string old_path;  ///< "" when added
  bool added = false;
  bool deleted = false;
  bool renamed = false;
  bool binary = false;
  int insertions = 0;
  int deletions = 0;
  std::vector<Hunk> hunks;
};

/// One patch of a series.
struct Patch {
  std::string name;        ///< file name, or "message 2 of series.mbox"
  std::string subject;     ///< without the [PATCH ...] prefix
  std::string author;      ///< "Name <mail>"
  std::string message_id;  ///< without <>
  std::string patch_id;    ///< `git patch-id --stable`, "" until intake fills it
  std::string body;        ///< commit message after the subject
  std::string diff;        ///< decoded, ready for git apply
  int diff_line = 1;       ///< line of the diff's beginning in the file
  std::vector<FileChange> files;
};

/// Ordered patches with their cover letter.
struct Series {
  std::string title;
  std::string author;
  std::string message_id;
  std::string cover;  ///< text of the cover letter, "" = none
  int version = 1;
  std::vector<std::string> answers;  ///< message ids outside of it that its mails answer to, sorted
  std::vector<Patch> patches;
};

/// A raw message or patch file.
struct Message {
  std::string name;
  std::string text;
};

/// Header fields of one message and its decoded body.
struct Mail {
  std::string subject;  ///< whole, decoded, unfolded
  std::string author;
  std::string message_id;
  std::vector<std::string> answers;  ///< In-Reply-To and References, without <>
  std::string body;
  int body_line = 1;  ///< line of the body's beginning in the message
  int number = 0;     ///< 1 of "[PATCH v2 1/3]", 0 for a cover letter, -1 when not numbered
  int total = 0;
  int version = 1;
  std::string title;  ///< subject without the bracketed prefixes
};

Result<Mail> parse_mail(const Message& message);
/// RFC 2047 words decoded to UTF-8 (UTF-8, ASCII, Latin-1, Latin-9), others left as they are.
std::string decode_rfc2047(std::string_view text);

/// The files of a diff. kBadInput names file and line: truncated hunk, path that leaves the tree.
Result<std::vector<FileChange>> parse_diff(std::string_view diff, const std::string& name,
                                           int first_line = 1);

/// Messages to a series: cover letter recognised, replies and older versions left out, numbered
/// messages put in order, gaps refused. kBadInput when no patch is among them.
Result<Series> assemble(std::vector<Message> messages, const std::string& where);

/// *.patch of a folder, in the order of their names.
Result<Series> load_folder(const os::Path& folder);

/// All files of a series, each once, sorted.
std::vector<std::string> touched_files(const Series& series);

}  // namespace kiln::series
