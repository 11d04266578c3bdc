#include "cli/lab_address.h"

#include <cstdlib>
#include <filesystem>

#include "cli/paths.h"
#include "lib/base/text.h"
#include "lib/conf/read.h"

namespace kiln::cli {
namespace {

struct Entry {
  std::string name, address;
};

Result<std::vector<Entry>> load_labs(const std::string& file) {
  KILN_ASSIGN(const conf::Document document, conf::load(file));
  std::vector<Entry> labs;
  KILN_TRY(conf::Object()
               .required("labs", conf::list_of<Entry>(
                                     &labs,
                                     [](Entry* entry) {
                                       return conf::Object()
                                           .required("name", conf::name(&entry->name))
                                           .required("address", conf::text(&entry->address));
                                     }))
               .read(conf::Node(document)));
  return labs;
}

}  // namespace

Result<std::optional<LabAddress>> find_lab(const std::string& option) {
  const char* variable = std::getenv("KILN_LAB");
  const std::string wanted = !option.empty() ? option : variable != nullptr ? variable : "";
  if (wanted.empty()) return std::optional<LabAddress>();
  LabAddress lab{wanted, wanted, option.empty() ? "KILN_LAB" : "--lab"};
  if (wanted.starts_with("unix:") || wanted.find(':') != std::string::npos) return lab;
  std::error_code code;
  if (std::filesystem::is_directory(wanted, code)) {
    lab.target =
        "unix:" + (std::filesystem::absolute(wanted, code) / "run" / "controller.sock").string();
    return lab;
  }
  KILN_ASSIGN(const auto file, labs_file());
  const auto labs = load_labs(file.string());
  if (!labs && labs.error().kind != ErrorKind::kNotFound) return fail(labs.error());
  std::vector<std::string> names;
  for (const Entry& entry : labs ? *labs : std::vector<Entry>()) {
    if (entry.name == wanted) return LabAddress{wanted, entry.address, file.string()};
    names.push_back(entry.name);
  }
  const std::string near = nearest(wanted, names);
  return fail(Error(ErrorKind::kBadInput, "no lab is called `" + wanted + "`")
                  .with_hint(near.empty() ? "labs are named in " + file.string() +
                                                "; an address or a data folder will do, too"
                                          : "did you mean `" + near + "`?"));
}

}  // namespace kiln::cli
