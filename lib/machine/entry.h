#pragma once
/// A new machine in the lab file, as text: what people wrote there stays to the byte. Pure.
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/machine/spec.h"
#include "lib/machine/survey.h"

namespace kiln::machine {

/// What the file is to say. `power` and `console` are flow maps, "{driver: ...}", as they are
/// written; "" leaves a line that says what could stand there.
struct Entry {
  std::string name{};
  std::vector<std::string> comments{};
  std::vector<std::string> tags{};
  std::vector<std::pair<std::string, std::string>> facts{};
  std::string power{};
  std::string console{};
  BootSpec boot{};
  ShellSpec shell{};
};

/// Tags, facts, boot and comments by what was found.
Entry propose_entry(const std::string& name, const Survey& survey);
/// Lines that begin with "- name:" where the comments end, without the list's indentation.
std::string entry_text(const Entry& entry);

/// A value for a YAML flow map, quoted when it would be taken for something else.
std::string yaml_word(const std::string& value);
/// kBadInput for what is no map on one line.
Status check_flow_map(const std::string& what, const std::string& text);

/// The lab file `file` with the entry behind its last machine; an empty `text` becomes a new file.
/// kBadInput with file:line:column when the file is wrong as it is, or would be with the entry;
/// kConflict when it has a machine of that name.
Result<std::string> with_entry(const std::string& file, const std::string& text,
                               const std::string& name, const std::string& entry);

}  // namespace kiln::machine
