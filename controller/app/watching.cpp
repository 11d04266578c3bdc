#include "controller/app/watching.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/db/run_table.h"

namespace kiln::controller {
namespace {

constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kJson = "application/json";

/// "builds 1" and "spare time" are places as machines are.
std::string kind_of(const lab::Held& held) {
  if (held.place.starts_with("builds ")) return "build";
  return held.place == "spare time" ? "spare" : "session";
}

}  // namespace

Figures Watching::figures() {
  Figures now;
  now.agents = static_cast<int>(parts_.fleet.agents().size());
  for (const char* state : {"ready", "busy", "held", "preparing", "broken", "draining", "retired",
                            "quarantined", "away"})
    now.machines[state] = 0;
  for (const fleet::MachineView& view : parts_.lab.views()) ++now.machines[view.word];
  for (const char* kind : {"session", "build", "spare"}) now.leases[kind] = 0;
  for (const lab::Held& held : parts_.lab.held()) ++now.leases[kind_of(held)];
  for (const lab::Priority priority : {lab::Priority::kInteractive, lab::Priority::kFollowUp,
                                       lab::Priority::kNightly, lab::Priority::kCanary}) {
    now.waiting[std::string(lab::to_string(priority))] = 0;
    now.longest_waits[std::string(lab::to_string(priority))] = 0;
  }
  const WallTime time = parts_.clock.now();
  for (const lab::Waiting& waiting : parts_.lab.waiting()) {
    const std::string priority(lab::to_string(waiting.want.priority));
    ++now.waiting[priority];
    const double seconds = std::chrono::duration<double>(time - waiting.since).count();
    now.longest_waits[priority] = std::max(now.longest_waits[priority], seconds);
  }
  now.free_bytes = parts_.space.free();
  now.min_free_bytes = parts_.space.mark();
  now.database_bytes = os::file_size(parts_.database_file).value_or(0);
  now.paused = !parts_.lab.paused().empty();
  return now;
}

http::ServerResponse Watching::metrics_page() {
  return {200, kPrometheus, parts_.metrics.text(figures())};
}

http::ServerResponse Watching::ready_page() {
  nlohmann::json reasons = nlohmann::json::array();
  if (const std::string why = parts_.lab.paused(); !why.empty()) reasons.push_back(why);
  if (const auto read = db::RunTable(parts_.database).list(1); !read)
    reasons.push_back(read.error().message);
  const bool ready = reasons.empty();
  const nlohmann::json page = {{"ready", ready}, {"reasons", reasons}};
  return {ready ? 200 : 503, kJson,
          page.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

Status Watching::serve(const std::string& address) {
  http::ServerOptions options;
  options.address = address;
  KILN_ASSIGN(server_,
              http::Server::start(
                  options, {{"GET", "/metrics", [this](const auto&) { return metrics_page(); }},
                            {"GET", "/ready", [this](const auto&) { return ready_page(); }},
                            {"GET", "/live", [](const auto&) {
                               return http::ServerResponse{200, kJson, "{\"live\": true}\n"};
                             }}}));
  return {};
}

}  // namespace kiln::controller
