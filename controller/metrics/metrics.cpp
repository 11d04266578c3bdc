#include "controller/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <initializer_list>
#include <mutex>
#include <set>

namespace kiln::controller {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;
using Labels = std::map<std::string, std::string>;

const Buckets kMinutes = {1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14'400};
const Buckets kWaits = {0.01, 0.1, 1, 10, 60, 300, 900, 3600, 14'400, 43'200, 86'400};
const Buckets kQueries = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
constexpr size_t kMostClasses = 40;

/// The word, when it is one of them.
std::string known(const std::string& word, std::initializer_list<const char*> words) {
  const bool is = std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
  return is ? word : "other";
}

std::string purpose_label(const std::string& word) {
  return known(word, {"functional", "confirmation", "bisection", "performance", "instructions",
                      "coverage", "canary"});
}
std::string ending_label(const std::string& word) {
  return known(word, {"tested", "test-failed", "infrastructure", "cancelled"});
}
std::string priority_label(const std::string& word) {
  return known(word, {"interactive", "follow-up", "nightly", "canary"});
}

/// Gauges of a family that are not set this time become 0, so that nothing stays as it was.
void set_all(prometheus::Family<prometheus::Gauge>& family, const char* label,
             std::map<std::string, prometheus::Gauge*>* gauges,
             const std::map<std::string, double>& now) {
  for (const auto& [word, value] : now)
    if (!gauges->contains(word)) (*gauges)[word] = &family.Add({{label, word}});
  for (auto& [word, gauge] : *gauges) {
    const auto found = now.find(word);
    gauge->Set(found == now.end() ? 0 : found->second);
  }
}

template <typename T>
std::map<std::string, double> numbers(const std::map<std::string, T>& from) {
  return {from.begin(), from.end()};
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  std::mutex mutex;  ///< of what follows, and of a whole text
  std::set<std::string> classes;
  std::map<std::string, prometheus::Gauge*> machines, leases, waiting, longest;

  template <typename Builder>
  auto& family(Builder builder, const char* name, const char* help) {
    return builder.Name(name).Help(help).Register(registry);
  }
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Counters = prometheus::Family<prometheus::Counter>;
  using Histograms = prometheus::Family<prometheus::Histogram>;
  Gauges& gauge(const char* name, const char* help) {
    return family(prometheus::BuildGauge(), name, help);
  }
  Counters& counter(const char* name, const char* help) {
    return family(prometheus::BuildCounter(), name, help);
  }
  Histograms& histogram(const char* name, const char* help) {
    return family(prometheus::BuildHistogram(), name, help);
  }

  Gauges& info = gauge("kiln_info", "1; its label says which Kiln this is");
  Gauges& agents = gauge("kiln_agents_connected", "agents that are connected");
  Gauges& machine_states = gauge("kiln_machines", "machines by their state");
  Gauges& lease_kinds = gauge("kiln_leases", "places that are taken: sessions, builds, spare work");
  Gauges& queue = gauge("kiln_queue_waiting", "what waits for a place, by priority");
  Gauges& oldest =
      gauge("kiln_queue_longest_wait_seconds", "how long the first of those has waited");
  Gauges& free = gauge("kiln_data_free_bytes", "free where the data folder is");
  Gauges& mark = gauge("kiln_data_min_free_bytes", "the mark below which nothing new is started");
  Gauges& database = gauge("kiln_database_bytes", "size of kiln.db");
  Gauges& paused = gauge("kiln_paused", "1 while no new work is taken");
  Counters& runs = counter("kiln_runs_started_total", "runs that were started, by priority");
  Counters& errors =
      counter("kiln_errors_total", "sessions that ended with an error, by its class");
  Counters& failed_builds =
      counter("kiln_builds_failed_total", "kernels that did not build, counted for each cell");
  Histograms& sessions =
      histogram("kiln_session_seconds", "sessions that ended, by purpose and ending");
  Histograms& builds = histogram("kiln_build_seconds", "kernels that were built");
  Histograms& waits = histogram("kiln_queue_wait_seconds", "waits that a place ended, by priority");
  Histograms& queries =
      histogram("kiln_database_seconds", "transactions, the wait for their turn included");
};

Metrics::Metrics(const std::string& version) : impl_(std::make_unique<Impl>()) {
  impl_->info.Add({{"version", version}}).Set(1);
  // There from the start: an alert on a rate needs a first value.
  for (const char* how : {"full", "incremental"}) impl_->builds.Add({{"how", how}}, kMinutes);
  for (const char* access : {"read", "write"}) impl_->queries.Add({{"access", access}}, kQueries);
  for (const char* priority : {"interactive", "follow-up", "nightly", "canary"}) {
    impl_->waits.Add({{"priority", priority}}, kWaits);
    impl_->runs.Add({{"priority", priority}});
  }
  for (const char* error : {"INFRA_POWER", "INFRA_CONSOLE", "INFRA_NET", "INFRA_DEPLOY",
                            "INFRA_DUT", "INFRA_AGENT", "WRONG_KERNEL", "BOOT_FAIL", "CRASH"})
    impl_->errors.Add({{"class", error}});
  for (const char* ending : {"tested", "test-failed", "infrastructure"})
    impl_->sessions.Add({{"purpose", "functional"}, {"ending", ending}}, kMinutes);
  impl_->failed_builds.Add({});
}

Metrics::~Metrics() = default;

void Metrics::session_ended(const std::string& purpose, const std::string& ending, double seconds) {
  impl_->sessions
      .Add({{"purpose", purpose_label(purpose)}, {"ending", ending_label(ending)}}, kMinutes)
      .Observe(seconds);
}

void Metrics::build_ended(const std::string& how, double seconds) {
  impl_->builds.Add({{"how", known(how, {"full", "incremental"})}}, kMinutes).Observe(seconds);
}

void Metrics::build_failed() {
  impl_->failed_builds.Add({}).Increment();
}

void Metrics::error(const std::string& error_class) {
  if (error_class.empty()) return;
  std::string label = error_class;
  const bool is_word = label.size() <= 32 && std::all_of(label.begin(), label.end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || c == '_';
                       });
  if (!is_word) label = "other";
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->classes.size() >= kMostClasses && !impl_->classes.contains(label)) label = "other";
    impl_->classes.insert(label);
  }
  impl_->errors.Add({{"class", label}}).Increment();
}

void Metrics::waited(const std::string& priority, double seconds) {
  impl_->waits.Add({{"priority", priority_label(priority)}}, kWaits).Observe(seconds);
}

void Metrics::run_started(const std::string& priority) {
  impl_->runs.Add({{"priority", priority_label(priority)}}).Increment();
}

void Metrics::database_used(bool writes, double seconds) {
  impl_->queries.Add({{"access", writes ? "write" : "read"}}, kQueries).Observe(seconds);
}

std::string Metrics::text(const Figures& figures) {
  const std::lock_guard lock(impl_->mutex);
  impl_->agents.Add({}).Set(figures.agents);
  set_all(impl_->machine_states, "state", &impl_->machines, numbers(figures.machines));
  set_all(impl_->lease_kinds, "kind", &impl_->leases, numbers(figures.leases));
  set_all(impl_->queue, "priority", &impl_->waiting, numbers(figures.waiting));
  set_all(impl_->oldest, "priority", &impl_->longest, figures.longest_waits);
  impl_->free.Add({}).Set(static_cast<double>(figures.free_bytes));
  impl_->mark.Add({}).Set(static_cast<double>(figures.min_free_bytes));
  impl_->database.Add({}).Set(static_cast<double>(figures.database_bytes));
  impl_->paused.Add({}).Set(figures.paused ? 1 : 0);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace kiln::controller
