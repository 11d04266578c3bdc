/// What the coverage sessions say of the series' lines.
#include <fmt/format.h>

#include <set>

#include "controller/scheduler/driver.h"
#include "lib/base/text.h"

namespace kiln::scheduler {

/// The cells that can be read; `missing` gets a sentence for each that cannot.
builder::CoverageRequest RunDriver::coverage_request(std::vector<std::string>* missing) const {
  builder::CoverageRequest request;
  request.base_tree = input_.prepared->source_tree;
  std::set<std::string> kernels;
  for (const BuildTarget& target : input_.prepared->targets) {
    // Two configs that make the same kernel are booted once.
    if (target.variant != job::kCoverage || !kernels.insert(target.key).second) continue;
    request.tree = target.input.tree_id;
    const auto record = records_.find(target.key);
    if (record == records_.end() || record->second.state != "built") {
      missing->push_back(fmt::format(
          "{} has no kernel that counts{}", target.config,
          record == records_.end() ? "" : " (it does not build: " + record->second.error + ")"));
      continue;
    }
    builder::CoverageCell cell{target.config, record->second.coverage_digest, {}};
    std::string last = "none";
    for (const auto& [key, attempts] : ended_) {
      for (const v1::Session& session : attempts) {
        if (session.purpose() != job::kCoverage || session.config() != target.config) continue;
        last = session.error().empty() ? session.ending() : session.error();
        if (session.ending() != "tested" && session.ending() != "test-failed") continue;
        for (const job::TestPhase& phase : input_.prepared->spec.tests) {
          const auto taken = session.artifacts().find("coverage-" + phase.name + ".tar.zst");
          if (taken != session.artifacts().end()) cell.taken.push_back(taken->second);
        }
      }
    }
    if (cell.taken.empty())
      missing->push_back(
          fmt::format("{} has no usable coverage boot (last: {})", target.config, last));
    else
      request.cells.push_back(std::move(cell));
  }
  return request;
}

reach::Reach RunDriver::measure_reach(const std::stop_token& stop) {
  reach::Reach reach;
  if (input_.prepared->patches.empty()) return reach;
  reach.state = "not-measured";
  reach.why = input_.prepared->coverage_why;
  if (!reach.why.empty()) return reach;
  if (state_.stopping) {
    reach.why = "the run was not finished";
    return reach;
  }
  std::vector<std::string> missing;
  const builder::CoverageRequest request = coverage_request(&missing);
  reach.why = join(missing, "; ");
  if (request.cells.empty() || !deps_.read_coverage) return reach;
  publish_phase("reading which lines ran");
  auto coverage = deps_.read_coverage(request, stop);
  if (!coverage) {
    reach.why = coverage.error().message;
    publish("note", "reach is not measured: " + render(coverage.error()));
    return reach;
  }
  reach = reach::mark_lines(coverage->input);
  reach.notes.insert(reach.notes.end(), coverage->notes.begin(), coverage->notes.end());
  if (missing.empty()) return reach;
  reach.state = "partly";
  reach.why += (reach.why.empty() ? "" : "; ") + join(missing, "; ");
  return reach;
}

}  // namespace kiln::scheduler
