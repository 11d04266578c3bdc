#pragma once
/// Readers of single values that only the machine file has; for this folder.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/conf/read.h"
#include "lib/machine/spec.h"

namespace kiln::machine {

/// A host's name or address: it becomes an argument of programs, so nothing else passes.
conf::Read host(std::string* out);
/// NAME: text, for any names.
conf::Read text_map(std::map<std::string, std::string>* out);
conf::Read integer_list(std::vector<int>* out);
/// A number or a short text of digits: an outlet's name at a service.
conf::Read word_or_number(std::string* out);
conf::Read oid(std::string* out);
/// One of the names; `taken` gets which.
conf::Read choice_of(std::function<std::vector<std::string>()> names,
                     std::function<void(size_t)> taken);
/// A program with its arguments; an absolute path, which exists and may be executed.
conf::Read command(std::vector<std::string>* out);

/// NAME_file and NAME_env, at most one of them; exactly one with `needed`.
void add_secret(conf::Object* table, const std::string& name, Secret* secret, bool needed);

/// What a driver takes; `table` also makes it the chosen one.
struct DriverCase {
  std::string word;
  std::function<conf::Object()> table;
};
/// A map whose field `driver` says by which table the rest is read. `reset` undoes the choice.
conf::Read by_driver(std::vector<DriverCase> cases, const std::function<void()>& reset);

}  // namespace kiln::machine
