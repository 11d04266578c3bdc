#include "cli/lab_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "cli/paths.h"
#include "lib/base/text.h"
#include "lib/conf/read.h"
#include "lib/os/files.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostPem = 64 << 10;

Result<LabAddress> load_lab(const fs::path& file) {
  KILN_ASSIGN(const conf::Document document, conf::load(file.string()));
  LabAddress lab;
  std::string authority;
  int format = 1;
  KILN_TRY(conf::Object()
               .required("lab", conf::integer(&format, 1, 1))
               .required("address", conf::text(&lab.target))
               .required("authority", conf::path(&authority, conf::PathKind::kFile))
               .required("token", conf::text(&lab.token))
               .read(conf::Node(document)));
  KILN_ASSIGN(lab.ca, os::read_file(authority, kMostPem));
  lab.name = file.stem().string();
  lab.from = file.string();
  return lab;
}

}  // namespace

Status check_lab_name(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (good) return {};
  return fail(ErrorKind::kBadInput,
              fmt::format("`{}` is no lab's name: small letters, digits and -", name));
}

Status save_lab(const LabAddress& lab, const fs::path& folder) {
  KILN_TRY(os::write_atomic(folder / (lab.name + ".crt"), lab.ca));
  const fs::path file = folder / (lab.name + ".yaml");
  const std::string text =
      fmt::format("lab: 1\naddress: \"{0}\"\nauthority: {1}.crt\ntoken: \"{2}\"\n", lab.target,
                  lab.name, lab.token);
  return os::write_atomic(file, text, 0600);  // nobody else may read it, not for an instant
}

Result<std::vector<LabAddress>> known_labs(const fs::path& folder) {
  std::vector<LabAddress> labs;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    if (at->path().extension() != ".yaml") continue;
    KILN_ASSIGN(LabAddress lab, load_lab(at->path()));
    labs.push_back(std::move(lab));
  }
  std::sort(labs.begin(), labs.end(),
            [](const LabAddress& a, const LabAddress& b) { return a.name < b.name; });
  return labs;
}

Result<std::optional<LabAddress>> find_lab(const std::string& option) {
  const char* variable = std::getenv("KILN_LAB");
  const std::string wanted = !option.empty() ? option : variable != nullptr ? variable : "";
  if (wanted.empty()) return std::optional<LabAddress>();
  LabAddress lab{wanted, wanted, option.empty() ? "KILN_LAB" : "--lab"};
  if (wanted.starts_with("unix:")) return lab;
  std::error_code code;
  if (fs::is_directory(wanted, code)) {
    lab.target = "unix:" + (fs::absolute(wanted, code) / "run" / "controller.sock").string();
    return lab;
  }
  KILN_ASSIGN(const auto folder, labs_folder());
  KILN_ASSIGN(const auto labs, known_labs(folder));
  std::vector<std::string> names;
  for (const LabAddress& known : labs) {
    if (known.name == wanted) return known;
    names.push_back(known.name);
  }
  const std::string near = nearest(wanted, names);
  return fail(Error(ErrorKind::kBadInput, "no lab is called `" + wanted + "`")
                  .with_hint(near.empty() ? "kiln lab list names those that are known here,"
                                            " kiln lab join adds one"
                                          : "did you mean `" + near + "`?"));
}

}  // namespace kiln::cli
