#include "controller/builder/resolver.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/kernel/kconfig.h"
#include "lib/kernel/output.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxFragment = 1 << 20;
constexpr uint64_t kMaxConfig = 4 << 20;

/// Files that decide what `make BASE` and `make olddefconfig` print.
bool decides_config(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("Kconfig") || path.starts_with("scripts/") || path == "Makefile" ||
         path.starts_with("kernel/configs/") ||
         (path.starts_with("arch/") &&
          (path.find("/configs/") != std::string_view::npos || name == "Makefile"));
}

bool is_target_name(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
             std::string::npos &&
         text[0] != '-';
}

Result<std::vector<kernel::Asked>> read_fragments(const kernel::NamedConfig& config) {
  std::vector<kernel::Asked> all;
  for (const os::Path& path : config.fragments) {
    auto text = os::read_file(path, kMaxFragment);
    if (!text)
      return fail(
          std::move(text.error())
              .while_doing(fmt::format("while reading the fragments of `{}`", config.name)));
    KILN_ASSIGN(std::vector<kernel::Asked> asked, kernel::parse_fragment(*text, path.string()));
    all.insert(all.end(), asked.begin(), asked.end());
  }
  return all;
}

json to_json(const std::vector<kernel::ConfigDifference>& list) {
  json out = json::array();
  for (const kernel::ConfigDifference& d : list)
    out.push_back({d.symbol, d.left, d.right, d.explained, d.reason});
  return out;
}

bool from_json(const std::string& text, std::vector<kernel::ConfigDifference>& list) {
  const json j = json::parse(text, nullptr, false);
  if (!j.is_array()) return false;
  try {
    for (const json& d : j)
      list.push_back({d.at(0).get<std::string>(), d.at(1).get<std::string>(),
                      d.at(2).get<std::string>(), d.at(3).get<bool>(), d.at(4).get<std::string>()});
  } catch (const json::exception&) {
    list.clear();
    return false;
  }
  return true;
}

}  // namespace

Result<Resolver> Resolver::open(const intake::Git& git, const TreeStore& trees,
                                const KernelMake& make, os::Path folder, os::Path scratch,
                                std::string toolchain) {
  KILN_TRY(os::make_dirs(folder));
  KILN_TRY(os::make_dirs(scratch));
  return Resolver(git, trees, make, std::move(folder), std::move(scratch), std::move(toolchain));
}

Result<std::string> Resolver::kconfig_id(const std::string& tree) const {
  const os::Path note = folder_ / ("kconfig-" + tree);
  if (auto known = os::read_file(note, 100); known && known->size() == 64) return *known;
  KILN_ASSIGN(const std::string text, git_.output({{"ls-tree", "-r", "-z", tree}}));
  os::Sha256 hash;
  for (const std::string& entry : split(text, '\0')) {
    const size_t tab = entry.find('\t');
    if (tab == std::string::npos || !decides_config(std::string_view(entry).substr(tab + 1)))
      continue;
    hash.update(entry);
    hash.update(std::string_view("\0", 1));
  }
  const std::string id = hash.hex();
  KILN_TRY(os::write_atomic(note, id));
  return id;
}

Result<ResolvedConfig> Resolver::resolve(const std::string& tree, const kernel::NamedConfig& config,
                                         std::stop_token stop) const {
  if (!is_target_name(config.base) || !is_target_name(config.arch))
    return fail(ErrorKind::kBadInput,
                fmt::format("the configuration `{}` has no usable base or arch", config.name));
  ResolvedConfig out;
  out.name = config.name;
  out.arch = config.arch;
  out.axis = config.axis;
  KILN_ASSIGN(out.asked, read_fragments(config));
  KILN_ASSIGN(const std::string kconfig, kconfig_id(tree));
  os::Sha256 hash;
  hash.update("kiln-config-1|" + kconfig + "|" + config.arch + "|" + config.base + "|" +
              toolchain_);
  for (const kernel::Asked& a : out.asked) hash.update("|" + a.symbol + "=" + a.value);
  const os::Path kept = folder_ / (hash.hex() + ".config");
  if (auto text = os::read_file(kept, kMaxConfig); text && !text->empty()) {
    out.text = std::move(*text);
    out.cached = true;
  } else {
    SourceView view;
    KILN_ASSIGN(view.root, trees_.folder(tree, stop));
    KILN_ASSIGN(out.text, make_config(view, kconfig, config, out.asked, stop));
    KILN_ASSIGN(const kernel::KconfigIndex index,
                kernel::KconfigIndex::load(view.root, config.arch));
    KILN_TRY(kernel::to_status(
        kernel::check_kept(out.asked, kernel::parse_config(out.text), &index), config.name));
    KILN_TRY(os::write_atomic(kept, out.text));
  }
  out.digest = os::sha256_hex(out.text);
  return out;
}

Result<std::string> Resolver::make_config(const SourceView& view, const std::string& kconfig,
                                          const kernel::NamedConfig& config,
                                          const std::vector<kernel::Asked>& asked,
                                          std::stop_token stop) const {
  // One folder for all configurations of a tree: the kernel's conf program is compiled once.
  const os::Path objects = scratch_ / ("config-" + kconfig + "-" + config.arch);
  KILN_TRY(os::make_dirs(objects));
  KILN_TRY(os::remove_tree(objects / ".config"));
  KILN_TRY(make_.sandbox().give(objects));
  KILN_TRY(make_target(view, config, objects, config.base, stop));
  KILN_ASSIGN(const std::string base, os::read_file(objects / ".config", kMaxConfig));
  KILN_TRY(os::write_atomic(objects / ".config", kernel::merge(base, asked)));
  KILN_TRY(make_.sandbox().give(objects));
  KILN_TRY(make_target(view, config, objects, "olddefconfig", stop));
  return os::read_file(objects / ".config", kMaxConfig);
}

Status Resolver::make_target(const SourceView& view, const kernel::NamedConfig& config,
                             const os::Path& objects, const std::string& target,
                             std::stop_token stop) const {
  kernel::OutputParser parser(kSourceInside, kObjectsInside);
  std::string last;
  MakeCall call;
  call.source = view;
  call.objects = objects;
  call.arch = config.arch;
  call.targets = {"-s", target};
  call.timeout = Millis(600'000);
  call.on_line = [&](std::string_view line) {
    parser.line(line);
    last = to_valid_utf8(line);
  };
  KILN_ASSIGN(const os::Exit exit, make_.run(call, stop));
  if (exit.ok()) return {};
  if (last.find("No space left") != std::string::npos)
    return fail(ErrorKind::kNoSpace, fmt::format("no space left in {}", objects.string()));
  const auto error = parser.first_error();
  return fail(Error(ErrorKind::kBadInput, fmt::format("`make {}` fails in this source: {}", target,
                                                      error ? kernel::to_text(*error) : last))
                  .while_doing(fmt::format("while resolving the configuration `{}`", config.name)));
}

Result<std::vector<kernel::ConfigDifference>> Resolver::compare(const std::string& tree,
                                                                const ResolvedConfig& left,
                                                                const ResolvedConfig& right) const {
  KILN_ASSIGN(const std::string kconfig, kconfig_id(tree));
  // An axis of either side may differ; a side without one allows whatever is asked for.
  std::vector<std::string> axis = left.axis;
  axis.insert(axis.end(), right.axis.begin(), right.axis.end());
  if (left.axis.empty() || right.axis.empty()) axis.clear();
  std::string asked = join(axis, " ");
  for (const auto* list : {&left.asked, &right.asked})
    for (const kernel::Asked& a : *list)
      asked += fmt::format("|{}={}@{}:{}", a.symbol, a.value, a.file, a.line);
  const os::Path kept =
      folder_ /
      ("diff-" + os::sha256_hex(kconfig + left.digest + right.digest + left.arch + asked) +
       ".json");
  std::vector<kernel::ConfigDifference> list;
  if (auto text = os::read_file(kept, kMaxConfig); text && from_json(*text, list)) return list;
  KILN_ASSIGN(const os::Path root, trees_.folder(tree));
  KILN_ASSIGN(const kernel::KconfigIndex index, kernel::KconfigIndex::load(root, left.arch));
  const std::vector<kernel::Asked> a = kernel::effective(left.asked);
  const std::vector<kernel::Asked> b = kernel::effective(right.asked);
  list = kernel::differences(a, kernel::parse_config(left.text), b,
                             kernel::parse_config(right.text), index, axis);
  KILN_TRY(os::write_atomic(kept, to_json(list).dump(1) + "\n"));
  return list;
}

}  // namespace kiln::builder
