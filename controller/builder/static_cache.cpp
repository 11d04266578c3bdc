#include "controller/builder/static_cache.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/os/eviction.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxEntry = 32 << 20;
constexpr uint64_t kMaxCache = 64 << 20;

json to_json(const std::vector<kernel::Warning>& warnings) {
  json out = json::array();
  for (const kernel::Warning& w : warnings) out.push_back({w.file, w.line, w.text});
  return out;
}

std::vector<kernel::Warning> warnings_of(const json& from) {
  std::vector<kernel::Warning> out;
  for (const json& w : from)
    out.push_back({w.at(0).get<std::string>(), w.at(1).get<int>(), w.at(2).get<std::string>()});
  return out;
}

json to_json(const statics::State& state) {
  json out = json::object();
  for (const auto& [name, object] : state) {
    json symbols = json::object();
    for (const auto& [symbol, what] : object.symbols) symbols[symbol] = {what.size, what.stack};
    out[name] = {{"warnings", to_json(object.warnings)},
                 {"sparse", to_json(object.sparse)},
                 {"symbols", symbols},
                 {"error", object.error}};
  }
  return out;
}

statics::State state_of(const json& from) {
  statics::State out;
  for (const auto& [name, object] : from.items()) {
    statics::ObjectState& state = out[name];
    state.warnings = warnings_of(object.at("warnings"));
    state.sparse = warnings_of(object.at("sparse"));
    state.error = object.at("error").get<std::string>();
    for (const auto& [symbol, what] : object.at("symbols").items())
      state.symbols[symbol] = {what.at(0).get<uint64_t>(), what.at(1).get<uint64_t>()};
  }
  return out;
}

}  // namespace

std::optional<statics::State> StaticCache::find(const std::string& key) const {
  const os::Path path = folder_ / (key + ".json");
  const auto text = os::read_file(path, kMaxEntry);
  if (!text) return std::nullopt;
  try {
    statics::State state = state_of(json::parse(*text));
    std::error_code ignored;
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    return state;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

Status StaticCache::put(const std::string& key, const statics::State& state) const {
  KILN_TRY(os::make_dirs(folder_));
  return os::write_atomic(
      folder_ / (key + ".json"),
      to_json(state).dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

Status StaticCache::collect() const {
  std::vector<os::CacheEntry> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    entries.push_back(
        {it->path(), it->file_size(ignored), fs::last_write_time(it->path(), ignored), false});
  }
  return os::evict(std::move(entries), kMaxCache);
}

}  // namespace kiln::builder
