#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/patchwork/patchwork.h"
#include "lib/patchwork/wire.h"

namespace kiln::patchwork {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostWords = 300;  // of a server's error page

/// Talks to one server in one dialect.
class Server {
 public:
  Server(const Config& config, http::Client& client) : config_(config), client_(client) {}

  Result<Json> get(const std::string& path) {
    http::Request request;
    request.url = config_.url + path;
    add_headers(&request);
    return exchange(request);
  }
  Status post(const std::string& url, const std::string& body) {
    http::Request request;
    request.method = "POST";
    request.url = url;
    request.body = body;
    add_headers(&request);
    request.headers.emplace_back("Content-Type", "application/json");
    KILN_ASSIGN(const Json answer, exchange(request));
    (void)answer;
    return {};
  }

 private:
  void add_headers(http::Request* request) const {
    const bool freedesktop = config_.dialect == Dialect::kFreedesktop;
    request->headers.emplace_back("Authorization",
                                  (freedesktop ? "APIToken " : "Token ") + config_.token);
    request->headers.emplace_back("Accept", "application/json");
  }

  Result<Json> exchange(const http::Request& request) {
    KILN_ASSIGN(const http::Response response, client_.send(request));
    if (response.status < 200 || response.status > 299) {
      const ErrorKind kind = response.status == 401 || response.status == 403
                                 ? ErrorKind::kPermission
                             : response.status == 404 ? ErrorKind::kNotFound
                             : response.status >= 500 ? ErrorKind::kInfrastructure
                                                      : ErrorKind::kBadInput;
      return fail(kind,
                  fmt::format("{} {} answers {}: {}", request.method, request.url, response.status,
                              to_valid_utf8(trim(response.body.substr(0, kMostWords)))));
    }
    if (trim(response.body).empty()) return Json();
    Json json = Json::parse(response.body, nullptr, false);
    if (json.is_discarded())
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("{} {} answers no JSON", request.method, request.url));
    return json;
  }

  const Config& config_;
  http::Client& client_;
};

/// A field of an answer, or an error that names it: a server may answer anything.
template <typename T>
Result<T> field(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (found != json.end()) {
    if constexpr (std::is_same_v<T, int64_t>) {
      if (found->is_number_integer()) return found->get<int64_t>();
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (found->is_string()) return found->get<std::string>();
    } else {
      if (found->is_array()) return *found;
    }
  }
  return fail(ErrorKind::kInfrastructure,
              fmt::format("Patchwork's answer has no `{}` as it should", name));
}

/// The id of the series to which the mail with this message id belongs; 0 = it knows none.
Result<int64_t> series_of_mail(Server& server, const char* kind, const std::string& id,
                               const Config& config) {
  std::string path = fmt::format("/api/1.2/{}/?msgid={}", kind, http::url_encode(id));
  if (!config.project.empty()) path += "&project=" + http::url_encode(config.project);
  KILN_ASSIGN(const Json mails, server.get(path));
  if (!mails.is_array() || mails.empty()) return 0;
  KILN_ASSIGN(const Json series, field<Json>(mails.front(), "series"));
  if (series.empty()) return 0;
  return field<int64_t>(series.front(), "id");
}

Result<int64_t> find_series(Server& server, const v1::RunReport& report, const Config& config) {
  if (!report.series().message_id().empty())
    for (const char* kind : {"covers", "patches"}) {
      KILN_ASSIGN(const int64_t id,
                  series_of_mail(server, kind, report.series().message_id(), config));
      if (id > 0) return id;
    }
  for (const v1::Patch& patch : report.series().patches()) {
    if (patch.message_id().empty()) continue;
    KILN_ASSIGN(const int64_t id, series_of_mail(server, "patches", patch.message_id(), config));
    if (id > 0) return id;
  }
  return fail(Error(ErrorKind::kNotFound, "Patchwork knows no series with these mails")
                  .with_hint("name it: --series NUMBER"));
}

Status post_checks(Server& server, const std::vector<Check>& checks, const v1::RunReport& report,
                   const Config& config, const Target& target,
                   const std::function<void(const std::string&)>& told) {
  int64_t series = target.series;
  if (series == 0) {
    KILN_ASSIGN(series, find_series(server, report, config));
  }
  KILN_ASSIGN(const Json answer, server.get(fmt::format("/api/1.2/series/{}/", series)));
  KILN_ASSIGN(const Json patches, field<Json>(answer, "patches"));
  if (static_cast<int>(patches.size()) != report.series().patches_size())
    return fail(ErrorKind::kConflict,
                fmt::format("series {} has {} patches in Patchwork, the run tested {}", series,
                            patches.size(), report.series().patches_size()));
  for (const Check& check : checks) {
    KILN_ASSIGN(const int64_t id,
                field<int64_t>(patches.at(static_cast<size_t>(check.patch) - 1), "id"));
    KILN_TRY(
        server.post(patch_checks(config.url, std::to_string(id)), body_of(check, config.dialect)));
    told(fmt::format("patch {} ({}/{}): {}", id, check.patch, patches.size(), check.state));
  }
  return {};
}

/// freedesktop.org has no look-up by mail: the series of that name and size, if it is one alone.
Result<Target> find_by_name(Server& server, const v1::RunReport& report, const Config& config) {
  std::string name = report.series().title();
  while (name.starts_with('[') && name.find(']') != std::string::npos)
    name = trim(name.substr(name.find(']') + 1));
  KILN_ASSIGN(const Json answer,
              server.get(fmt::format("/api/1.0/projects/{}/series/?name={}&perpage=100",
                                     http::url_encode(config.project), http::url_encode(name))));
  KILN_ASSIGN(const Json results, field<Json>(answer, "results"));
  std::vector<Target> found;
  for (const Json& each : results) {
    KILN_ASSIGN(const std::string its_name, field<std::string>(each, "name"));
    KILN_ASSIGN(const int64_t size, field<int64_t>(each, "n_patches"));
    if (its_name != name || size != report.series().patches_size()) continue;
    Target target;
    KILN_ASSIGN(target.series, field<int64_t>(each, "id"));
    KILN_ASSIGN(const int64_t revision, field<int64_t>(each, "version"));
    target.revision = static_cast<int>(revision);
    found.push_back(target);
  }
  if (found.size() == 1) return found.front();
  return fail(Error(ErrorKind::kNotFound,
                    fmt::format("Patchwork knows {} series named `{}` with {} patches",
                                found.empty() ? "no" : std::to_string(found.size()),
                                to_valid_utf8(name), report.series().patches_size()))
                  .with_hint("name it: --series NUMBER/REVISION"));
}

Status post_results(Server& server, const std::vector<Check>& checks, const v1::RunReport& report,
                    const Config& config, Target target,
                    const std::function<void(const std::string&)>& told) {
  if (target.series == 0) {
    KILN_ASSIGN(target, find_by_name(server, report, config));
  }
  if (target.revision == 0) {
    KILN_ASSIGN(const Json series, server.get(fmt::format("/api/1.0/series/{}/", target.series)));
    KILN_ASSIGN(const int64_t revision, field<int64_t>(series, "version"));
    target.revision = static_cast<int>(revision);
  }
  for (const Check& check : checks) {
    KILN_TRY(server.post(freedesktop_results(config.url, std::to_string(target.series),
                                             std::to_string(target.revision)),
                         body_of(check, config.dialect)));
    told(fmt::format("series {}, revision {}: {}", target.series, target.revision, check.state));
  }
  return {};
}

}  // namespace

std::string patch_checks(const std::string& url, const std::string& patch_id) {
  return fmt::format("{}/api/1.2/patches/{}/checks/", url, patch_id);
}

std::string freedesktop_results(const std::string& url, const std::string& series,
                                const std::string& revision) {
  return fmt::format("{}/api/1.0/series/{}/revisions/{}/test-results/", url, series, revision);
}

std::string body_of(const Check& check, Dialect dialect) {
  nlohmann::ordered_json body;
  if (dialect == Dialect::kFreedesktop) {
    body = {{"test_name", check.context}, {"state", check.state}};
    if (!check.target_url.empty()) body["url"] = check.target_url;
    body["summary"] = check.description;
  } else {
    body = {{"state", check.state}};
    if (!check.target_url.empty()) body["target_url"] = check.target_url;
    body["context"] = check.context;
    body["description"] = check.description;
  }
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status post(const std::vector<Check>& checks, const v1::RunReport& report, const Config& config,
            const Target& target, http::Client& client,
            const std::function<void(const std::string&)>& told) {
  Server server(config, client);
  return config.dialect == Dialect::kFreedesktop
             ? post_results(server, checks, report, config, target, told)
             : post_checks(server, checks, report, config, target, told);
}

}  // namespace kiln::patchwork
