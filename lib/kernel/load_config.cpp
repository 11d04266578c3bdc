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

Error no_such_fragment(const conf::Node& node, const os::Path& folder, const std::string& name) {
  std::vector<std::string> names;
  if (const auto files = os::list_files(folder / "fragments"))
    for (const os::Path& file : *files)
      if (file.extension() == ".config") names.push_back(file.stem().string());
  const std::string near = nearest(name, names);
  return node.error(fmt::format("there is no fragments/{}.config", name),
                    near.empty() ? "" : fmt::format("did you mean `{}`?", near));
}

/// Names of fragments: FOLDER/fragments/NAME.config, each a file that exists.
conf::Read fragment_list(const os::Path& folder, std::vector<os::Path>* out) {
  return {"a list of fragments",
          "",
          [folder, out](const conf::Node& node) -> Status {
            if (node.value().type != conf::Value::Type::kList)
              return fail(node.wrong_type("a list of fragments"));
            for (size_t i = 0; i < node.value().items.size(); ++i) {
              std::string name;
              KILN_TRY(conf::name(&name).apply(node.item(i)));
              const os::Path file = folder / "fragments" / (name + ".config");
              std::error_code code;
              if (!std::filesystem::is_regular_file(file, code))
                return fail(no_such_fragment(node.item(i), folder, name));
              out->push_back(file);
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
  KILN_TRY(conf::Object()
               .required("arch", conf::one_of(&config.arch, {"i386", "x86_64"}))
               .optional("base", conf::text(&config.base))
               .required("fragments", fragment_list(folder, &config.fragments))
               .optional("description", conf::text(&config.description))
               .optional("axis", conf::text_list(&config.axis))
               .read(conf::Node(document)));
  return config;
}

}  // namespace kiln::kernel
