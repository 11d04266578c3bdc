#include "lib/known/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/known/match.h"

namespace kiln::known {
namespace {

constexpr size_t kMostBytes = 2000;  // of a field
constexpr size_t kMostOutcomes = 16;

tl::unexpected<Error> wrong(std::string message, std::string hint = "") {
  return fail(Error(ErrorKind::kBadInput, std::move(message)).with_hint(std::move(hint)));
}

bool is_anything(const std::string& glob) {
  return glob.find_first_not_of('*') == std::string::npos;
}

Status check_field(const char* name, const std::string& value) {
  if (value.size() > kMostBytes)
    return wrong(fmt::format("the filter's {} has {} bytes, at most {} are kept", name,
                             value.size(), kMostBytes));
  if (value != to_valid_utf8(value)) return wrong(fmt::format("the filter's {} is no UTF-8", name));
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (control) return wrong(fmt::format("the filter's {} is more than one line of text", name));
  return {};
}

Status check_fields(const Filter& filter) {
  const std::pair<const char*, const std::string*> fields[] = {
      {"machine", &filter.machine},     {"tag", &filter.tag},       {"config", &filter.config},
      {"test", &filter.test},           {"text", &filter.text},     {"author", &filter.author},
      {"signature", &filter.signature}, {"reason", &filter.reason}, {"link", &filter.link}};
  for (const auto& [name, value] : fields) KILN_TRY(check_field(name, *value));
  if (filter.outcomes.size() > kMostOutcomes)
    return wrong(fmt::format("the filter names {} outcomes, at most {} are kept",
                             filter.outcomes.size(), kMostOutcomes));
  for (const std::string& outcome : filter.outcomes) {
    const bool word = !outcome.empty() && std::all_of(outcome.begin(), outcome.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '-';
    });
    if (!word)
      return wrong(fmt::format("`{}` is no outcome", outcome),
                   "fail, crash, timeout, incomplete, dmesg-warn, dmesg-fail, skip, missing ...");
  }
  return {};
}

int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

Status check(const Filter& filter) {
  KILN_TRY(check_fields(filter));
  if (trim(filter.author).empty()) return wrong("a filter needs an author", "--author NAME");
  if (trim(filter.reason).empty())
    return wrong("a filter needs a reason: people will ask for it", "--reason TEXT");
  if (!filter.link.empty() && !filter.link.starts_with("https://") &&
      !filter.link.starts_with("http://"))
    return wrong(fmt::format("the link `{}` is no https address", filter.link));
  const bool names_kernel = !is_anything(filter.signature) || !filter.text.empty();
  if (is_anything(filter.test) && !names_kernel)
    return wrong("the filter would cover every failure",
                 "name a test (--test), a kernel report (--signature) or its words (--text)");
  for (const std::string& outcome : filter.outcomes)
    if (outcome.starts_with("dmesg-") && !names_kernel)
      return wrong(fmt::format("a filter of {} names what the kernel said", outcome),
                   "--signature of the report, or --text from its words");
  if (filter.expires && *filter.expires <= filter.created)
    return wrong("the filter would have expired before it was made");
  KILN_ASSIGN(const Matcher compiled, Matcher::compile(filter));
  (void)compiled;
  return {};
}

bool holds(const Filter& filter, WallTime ended) {
  return !filter.removed && (!filter.expires || ended <= *filter.expires);
}

std::string describe(const Filter& filter) {
  std::vector<std::string> where;
  if (!filter.machine.empty()) where.push_back("on " + filter.machine);
  if (!filter.tag.empty()) where.push_back("on machines tagged " + filter.tag);
  if (!filter.config.empty()) where.push_back("in " + filter.config);
  std::string what = filter.test.empty() ? "any test" : filter.test;
  if (!filter.outcomes.empty()) what += " that ends as " + join(filter.outcomes, " or ");
  where.push_back(what);
  if (!filter.signature.empty())
    where.push_back(fmt::format("with the kernel report `{}`", filter.signature));
  if (!filter.text.empty()) where.push_back(fmt::format("whose words match /{}/", filter.text));
  return join(where, ", ");
}

std::string to_json(const Filter& filter) {
  nlohmann::ordered_json json = {{"id", filter.id},
                                 {"machine", filter.machine},
                                 {"tag", filter.tag},
                                 {"config", filter.config},
                                 {"test", filter.test},
                                 {"outcomes", filter.outcomes},
                                 {"signature", filter.signature},
                                 {"text", filter.text},
                                 {"author", filter.author},
                                 {"reason", filter.reason},
                                 {"link", filter.link},
                                 {"created_ms", millis(filter.created)},
                                 {"removed", filter.removed}};
  if (filter.expires) json["expires_ms"] = millis(*filter.expires);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Filter> from_json(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Filter filter;
    json.at("id").get_to(filter.id);
    json.at("machine").get_to(filter.machine);
    json.at("tag").get_to(filter.tag);
    json.at("config").get_to(filter.config);
    json.at("test").get_to(filter.test);
    json.at("outcomes").get_to(filter.outcomes);
    json.at("signature").get_to(filter.signature);
    json.at("text").get_to(filter.text);
    json.at("author").get_to(filter.author);
    json.at("reason").get_to(filter.reason);
    json.at("link").get_to(filter.link);
    json.at("removed").get_to(filter.removed);
    filter.created = WallTime(Millis(json.at("created_ms").get<int64_t>()));
    if (json.contains("expires_ms"))
      filter.expires = WallTime(Millis(json.at("expires_ms").get<int64_t>()));
    return filter;
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorKind::kBadInput, fmt::format("a stored filter cannot be read: {}", e.what()));
  }
}

}  // namespace kiln::known
