/// kiln judge and kiln known: stored runs judged again, and the issues that people know of.
#include "lib/report/review.h"

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <iostream>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/filtered.h"
#include "cli/review_options.h"
#include "lib/base/number.h"
#include "lib/base/text.h"

namespace kiln::cli {
namespace {

Result<int> judge_checked(const Options& options) {
  v1::JudgeRunRequest request;
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  request.set_run_id(run_id);
  request.set_save(options.save);
  KILN_ASSIGN(const auto host,
              EmbeddedLab::start(options, options.save ? HostMode::kReview : HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply, ask<v1::JudgeRunReply>(host->review(), &v1::Review::Stub::JudgeRun,
                                                       request, "judging"));
  return print_reply(options, reply, report::judge_to_text(reply),
                     reply.report().verdict().exit_code());
}

Where::Row filter_row(const v1::KnownUse& use) {
  const v1::KnownFilter& filter = use.filter();
  const char* state = filter.removed()        ? "removed"
                      : use.expired()         ? "expired"
                      : use.propose_removal() ? "unused"
                                              : "in force";
  return {{"test", {filter.test()}},
          {"config", {filter.config()}},
          {"state", {state}},
          {"author", {filter.author()}},
          {"machine", {filter.machine()}},
          {"reason", {filter.reason()}}};
}

Result<int> list_checked(const Options& options) {
  v1::ListKnownRequest request;
  request.set_with_removed(options.known.with_removed);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(auto reply, ask<v1::ListKnownReply>(host->review(), &v1::Review::Stub::ListKnown,
                                                  request, "listing the known issues"));
  KILN_TRY(keep_where(options.where, {"test", "config", "state", "author", "machine"}, filter_row,
                      reply.mutable_filters()));
  return print_reply(options, reply, report::known_to_text(reply), kOk);
}

Result<int> audit_checked(const Options& options) {
  v1::AuditKnownRequest request;
  request.set_filter_id(options.known.id);
  request.set_limit(options.limit);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply,
              ask<v1::AuditKnownReply>(host->review(), &v1::Review::Stub::AuditKnown, request,
                                       "reading the audit"));
  return print_reply(options, reply, report::known_audit_to_text(reply), kOk);
}

/// The filter to be edited, as it is.
Result<v1::KnownFilter> stored_filter(EmbeddedLab& host, int64_t id) {
  v1::ListKnownRequest request;
  request.set_with_removed(true);
  KILN_ASSIGN(const auto reply, ask<v1::ListKnownReply>(host.review(), &v1::Review::Stub::ListKnown,
                                                        request, "reading the known issues"));
  for (const v1::KnownUse& use : reply.filters())
    if (use.filter().id() == id) return use.filter();
  return fail(Error(ErrorKind::kNotFound, fmt::format("there is no known issue {}", id))
                  .with_hint("kiln known list shows them"));
}

/// On a terminal a person decides after the preview; elsewhere --yes does.
Result<bool> is_wanted(const Options& options) {
  if (options.known.yes) return true;
  if (::isatty(STDIN_FILENO) == 0)
    return fail(Error(ErrorKind::kBadInput, "nothing was changed: nobody is here to be asked")
                    .with_hint("--yes saves the change, --dry-run only shows what it would do"));
  std::cerr << "save this? [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

Result<int> change_checked(const Options& options, bool edits, bool remove) {
  const bool looks = options.known.dry_run;
  KILN_ASSIGN(const auto host,
              EmbeddedLab::start(options, looks ? HostMode::kReadOnly : HostMode::kReview));
  v1::ChangeKnownRequest request;
  request.set_who(who_asks());
  request.set_remove(remove);
  if (edits || remove) {
    KILN_ASSIGN(*request.mutable_filter(), stored_filter(*host, options.known.id));
  }
  KILN_TRY(fill_filter(options.known, std::time(nullptr), request.mutable_filter()));
  const std::string doing = "looking what the change would do";
  KILN_ASSIGN(
      const auto preview,
      ask<v1::ChangeKnownReply>(host->review(), &v1::Review::Stub::PreviewKnown, request, doing));
  if (looks) return print_reply(options, preview, report::known_change_to_text(preview), kOk);
  std::cerr << report::known_change_to_text(preview);
  KILN_ASSIGN(const bool wanted, is_wanted(options));
  if (!wanted) {
    std::cerr << "nothing was changed\n";
    return kInterrupted;
  }
  KILN_ASSIGN(const auto reply,
              ask<v1::ChangeKnownReply>(host->review(), &v1::Review::Stub::ChangeKnown, request,
                                        "saving the known issue"));
  const int64_t id = reply.has_after() ? reply.after().id() : reply.before().id();
  const char* action = remove ? "removed" : edits ? "changed" : "added";
  return print_reply(options, reply,
                     fmt::format("known issue {} {}; {} run{} judged again", id, action,
                                 reply.runs_judged(), reply.runs_judged() == 1 ? "" : "s"),
                     kOk);
}

}  // namespace

Result<int64_t> parse_expiry(const std::string& text, int64_t now) {
  if (text == "never") return 0;
  constexpr int64_t kDay = 86'400;
  if (text.ends_with('d')) {
    std::string_view digits(text.data(), text.size() - 1);
    const auto days = take_number(digits);
    if (days && digits.empty() && *days > 0 && *days < 36'500)
      return now + static_cast<int64_t>(*days) * kDay;
  }
  std::tm day{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &day);
  if (end != nullptr && *end == '\0')
    return static_cast<int64_t>(::timegm(&day)) + kDay - 1;  // the day itself counts
  return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` is no end of a known issue", text))
                  .with_hint("2027-01-31, 90d, or never"));
}

Status fill_filter(const KnownOptions& options, int64_t now, v1::KnownFilter* filter) {
  const auto take = [&](const char* name, const std::string& value, std::string* field) {
    if (options.given.contains(name)) *field = value;
  };
  take("--machine", options.machine, filter->mutable_machine());
  take("--tag", options.tag, filter->mutable_tag());
  take("--config", options.config, filter->mutable_config());
  take("--test", options.test, filter->mutable_test());
  take("--signature", options.signature, filter->mutable_signature());
  take("--text", options.text, filter->mutable_text());
  take("--author", options.author, filter->mutable_author());
  take("--reason", options.reason, filter->mutable_reason());
  take("--link", options.link, filter->mutable_link());
  for (const std::string* word : {&filter->machine(), &filter->tag(), &filter->config(),
                                  &filter->test(), &filter->signature(), &filter->text(),
                                  &filter->author(), &filter->reason(), &filter->link()})
    if (to_valid_utf8(*word) != *word)
      return fail(ErrorKind::kBadInput, "a known issue is written in UTF-8");
  if (options.given.contains("--outcome")) {
    filter->clear_outcomes();
    for (const std::string& outcome : options.outcomes) filter->add_outcomes(outcome);
  }
  if (options.given.contains("--expires")) {
    KILN_ASSIGN(const int64_t end, parse_expiry(options.expires, now));
    if (end == 0) {
      filter->clear_expires();
    } else {
      filter->mutable_expires()->set_seconds(end);
    }
  }
  return {};
}

int judge_command(const Options& options) {
  return finish(options, judge_checked(options));
}
int known_list_command(const Options& options) {
  return finish(options, list_checked(options));
}
int known_add_command(const Options& options) {
  return finish(options, change_checked(options, false, false));
}
int known_edit_command(const Options& options) {
  return finish(options, change_checked(options, true, false));
}
int known_remove_command(const Options& options) {
  return finish(options, change_checked(options, false, true));
}
int known_audit_command(const Options& options) {
  return finish(options, audit_checked(options));
}

}  // namespace kiln::cli
