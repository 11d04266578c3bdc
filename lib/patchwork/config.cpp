#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/conf/read.h"
#include "lib/patchwork/patchwork.h"

namespace kiln::patchwork {
namespace {

/// What goes into a URL's path or a header: no blanks, no quotes.
conf::Read plain_word(std::string* out, std::string_view also_allowed) {
  return {"a word",
          *out,
          [out, also_allowed](const conf::Node& node) -> Status {
            KILN_TRY(conf::text(out).apply(node));
            const bool good = std::all_of(out->begin(), out->end(), [&](char c) {
              return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                     also_allowed.find(c) != std::string_view::npos;
            });
            if (good) return {};
            return fail(node.error(fmt::format("has only letters, digits and {}", also_allowed)));
          },
          {}};
}

Status check_private(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return {};
  return fail(
      Error(ErrorKind::kPermission, fmt::format("{} holds a token, and others may read it", path))
          .with_hint("chmod 600 " + path));
}

Status check_url(const conf::Node& node, Config* config) {
  while (config->url.ends_with('/')) config->url.pop_back();
  if (!http::is_private(config->url))
    return fail(
        node.error_at_field("url", "`url` is not https: a token would be readable on its way"));
  if (config->dialect == Dialect::kFreedesktop && config->project.empty())
    return fail(node.error("freedesktop.org's dialect needs a `project`", "project: intel-gfx"));
  return {};
}

}  // namespace

Result<Config> load_config(const std::string& path) {
  KILN_ASSIGN(const conf::Document document, conf::load(path));
  KILN_TRY(check_private(path));
  Config config;
  KILN_TRY(conf::Object()
               .optional("dialect", conf::choice<Dialect>(&config.dialect,
                                                          {{"patchwork", Dialect::kPatchwork},
                                                           {"freedesktop", Dialect::kFreedesktop}}))
               .required("url", conf::text(&config.url))
               .required("token", plain_word(&config.token, "-_."))
               .optional("project", plain_word(&config.project, "-_."))
               .optional("context", plain_word(&config.context, "-_"))
               .optional("target_url", conf::text(&config.target_url))
               .check([&](const conf::Node& node) { return check_url(node, &config); })
               .read(conf::Node(document)));
  return config;
}

}  // namespace kiln::patchwork
