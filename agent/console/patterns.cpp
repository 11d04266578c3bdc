#include "agent/console/patterns.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace kiln::agent {
namespace {

constexpr size_t kMaxLine = 8 << 10;  ///< a longer line is looked at in pieces
constexpr size_t kOverlap = 512;      ///< that share so much: no match is lost between them

}  // namespace

struct PatternWatch::Impl {
  explicit Impl(Sink out) : set(options(), RE2::UNANCHORED), sink(std::move(out)) {}
  static RE2::Options options() {
    RE2::Options out(RE2::Latin1);
    out.set_log_errors(false);
    return out;
  }
  void look(std::string_view line);
  void finish();

  RE2::Set set;
  Sink sink;
  std::string open;        ///< the unfinished line, without what a look has passed
  std::vector<int> told;   ///< patterns found in it already
  std::vector<int> found;  ///< kept for its memory
};

Result<std::unique_ptr<PatternWatch>> PatternWatch::create(const std::vector<Pattern>& patterns,
                                                           Sink sink) {
  auto impl = std::make_unique<Impl>(std::move(sink));
  for (const Pattern& each : patterns) {
    std::string error;
    if (impl->set.Add(each.regex, &error) < 0)
      return fail(ErrorKind::kBadInput, fmt::format("the pattern {}: {}", each.name, error));
  }
  if (!impl->set.Compile())
    return fail(ErrorKind::kBadInput, "the patterns are too large together");
  return std::unique_ptr<PatternWatch>(new PatternWatch(std::move(impl)));
}

PatternWatch::PatternWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PatternWatch::~PatternWatch() = default;

void PatternWatch::Impl::look(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  found.clear();
  if (line.empty() || !set.Match(re2::StringPiece(line.data(), line.size()), &found)) return;
  std::sort(found.begin(), found.end());
  for (const int index : found) {
    if (std::find(told.begin(), told.end(), index) != told.end()) continue;
    told.push_back(index);
    sink({static_cast<size_t>(index), std::string(line)});
  }
}

void PatternWatch::Impl::finish() {
  look(open);
  open.clear();
  told.clear();
}

void PatternWatch::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end != std::string_view::npos && impl_->open.empty() && end <= kMaxLine) {
      // The usual line, whole in its chunk: nothing is copied.
      impl_->look(bytes.substr(0, end));
      impl_->told.clear();
      bytes.remove_prefix(end + 1);
      continue;
    }
    const size_t room = kMaxLine - impl_->open.size();
    const size_t take = std::min({end, bytes.size(), room});
    impl_->open.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (!bytes.empty() && bytes.front() == '\n') {
      impl_->finish();
      bytes.remove_prefix(1);
    } else if (impl_->open.size() >= kMaxLine) {
      impl_->look(impl_->open);
      impl_->open.erase(0, impl_->open.size() - kOverlap);
    }
  }
}

void PatternWatch::quiet() {
  impl_->look(impl_->open);
}

std::vector<Pattern> console_patterns() {
  return {
      {"kernel", "Linux version [0-9]"},
      {"restart",
       "reboot: (Restarting system|machine restart)|Starting new kernel|sysrq: Resetting"},
      {"panic", "Kernel panic - not syncing"},
      {"oops", "Oops: |BUG: |Unable to handle kernel|general protection fault"},
      {"warning", "WARNING: CPU: [0-9]+ PID: "},
      {"hang", "soft lockup|hard LOCKUP|blocked for more than [0-9]+ seconds|rcu.*detected stall"},
      {"gpu-hang", "GPU HANG|GPU recovery failed|Resetting chip"},
      {"memory", "Out of memory: Killed process|invoked oom-killer"},
      {"disk", "EXT4-fs error|I/O error, dev |Remounting filesystem read-only"},
      {"no-root", "VFS: Unable to mount root fs|Gave up waiting for root"},
      {"emergency", "You are in emergency mode|Give root password for maintenance"},
      {"firmware-waits", "(?i)press (any key|f[0-9]+|esc) to (continue|enter|resume)"},
      {"boot-loader", "GNU GRUB|grub rescue>|Boot Manager|SeaBIOS \\(version"},
      {"login", "login: ?$"},
  };
}

}  // namespace kiln::agent
