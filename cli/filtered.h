#pragma once
/// `--where` of lists that the lab sends whole.
#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/where.h"

namespace kiln::cli {

/// Leaves the rows that the filter matches; `row_of` says what it looks at.
template <typename Message, typename RowOf>
Status keep_where(const std::string& text, const std::vector<std::string>& keys, RowOf row_of,
                  google::protobuf::RepeatedPtrField<Message>* rows) {
  KILN_ASSIGN(const Where where, Where::parse(text, keys));
  rows->erase(std::remove_if(rows->begin(), rows->end(),
                             [&](const Message& row) { return !where.matches(row_of(row)); }),
              rows->end());
  return {};
}

}  // namespace kiln::cli
