#pragma once
/// Reading lab.yaml. Everything wrong in it is refused with its place: FILE:LINE:COLUMN.
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/conf/read.h"
#include "lib/machine/spec.h"

namespace kiln::machine {

/// kBadInput with file:line:column; kNotFound when there is no such file.
Result<LabFile> load_lab_file(const std::string& path);
Result<LabFile> read_lab_file(const conf::Document& document);

/// All fields; a driver's stand as "machines[].power(ipmi).address".
std::vector<conf::FieldDoc> lab_file_fields();
/// Rows of docs/lab-file.md: "| `name` | type | default |".
std::string lab_file_field_row(const conf::FieldDoc& field);

}  // namespace kiln::machine
