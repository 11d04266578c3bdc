#pragma once
/// What people and programs read of a run. All of it renders proto messages
/// (docs/decisions/0001-reports-render-the-proto-message.md), so text, HTML and JSON are three
/// views of one thing. Pure; safe for concurrent use. Strings of the message may hold hostile text:
/// each renderer makes it harmless for its own medium.
#include <string>
#include <string_view>

#include "kiln/v1/lab.pb.h"
#include "kiln/v1/plan.pb.h"
#include "kiln/v1/report.pb.h"
#include "lib/base/result.h"
#include "lib/verdict/verdict.h"

namespace kiln::report {

/// A string that may go into a proto string field: valid UTF-8, no NUL.
std::string proto_string(std::string_view bytes);

/// The verdict's part of the report: verdict, findings, comparisons, claims, not_tested, lost,
/// outcome_counts. Replaces what those fields held and leaves the others alone.
void fill(const verdict::Output& output, v1::RunReport* report);

/// A known issue as the message has it, and back; times to the millisecond.
void fill_filter(const known::Filter& from, v1::KnownFilter* to);
known::Filter to_filter(const v1::KnownFilter& message);

/// Reads like a good mail to a kernel list: 72 columns, verdict first. No newline at the end.
std::string to_text(const v1::RunReport& report);

/// One file without outside references; light and dark, phone and print.
std::string to_html(const v1::RunReport& report);

/// Any message of kiln.v1 as the one JSON document that a command prints, without a newline at the
/// end, field names as in the .proto. kInternal when it cannot be written (a string that is no
/// UTF-8).
Result<std::string> message_to_json(const google::protobuf::Message& message);

/// What a run will do, for the terminal. No newline at the end.
std::string plan_to_text(const v1::Plan& plan);
/// A table of runs, in the order given; every line ends with a newline.
std::string runs_to_text(const v1::ListRunsReply& runs);

}  // namespace kiln::report
