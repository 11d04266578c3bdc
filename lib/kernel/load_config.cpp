#include "lib/kernel/load_config.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/conf/read.h"

namespace kiln::kernel {
namespace {

Error no_such_config(const os::Path& folder, const std::string& name) {
  std::vector<std::string> names;
  if (const auto files = os::list_files(folder))
    for (const os::Path& file : *files)
      if (file.extension() == ".yaml" && !file.has_parent_path())
        names.push_back(file.stem().string());
  const std::string near = nearest(name, names);
  return Error(ErrorKind::kBadInput,
               fmt::format("no kernel config `{}` in {}", name, folder.string()))
      .with_hint(near.empty()
                     ? "there are: " + join(names, ", ")
                     : fmt::format("did you mean `{}`? there are: {}", near, join(names, ", ")));
}

/// Paths relative to the file, each a file that exists.
conf::Read path_list(std::vector<os::Path>* out) {
  return {"a list of files",
          "",
          [out](const conf::Node& node) -> Status {
            if (node.value().type != conf::Value::Type::kList)
              return fail(node.wrong_type("a list of files"));
            for (size_t i = 0; i < node.value().items.size(); ++i) {
              std::string file;
              KILN_TRY(conf::path(&file, conf::PathKind::kFile).apply(node.item(i)));
              out->emplace_back(file);
            }
            return {};
          },
          {}};
}

}  // namespace

Result<NamedConfig> load_named_config(const os::Path& folder, const std::string& name) {
  const os::Path file = folder / (name + ".yaml");
  std::error_code code;
  if (name.find('/') != std::string::npos || !std::filesystem::is_regular_file(file, code))
    return fail(no_such_config(folder, name));
  KILN_ASSIGN(const conf::Document document, conf::load(file.string()));
  NamedConfig config;
  config.name = name;
  std::vector<std::string> axis;
  KILN_TRY(conf::Object()
               .required("arch", conf::one_of(&config.arch, {"i386", "x86_64"}))
               .optional("base", conf::text(&config.base))
               .required("fragments", path_list(&config.fragments))
               .optional("description", conf::text(&config.description))
               .optional("axis", conf::text_list(&axis))
               .read(conf::Node(document)));
  config.axis = join(axis, " ");
  return config;
}

}  // namespace kiln::kernel
