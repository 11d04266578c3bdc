#pragma once
/// What a text value can be taken for. Pure.
#include <cstdint>
#include <optional>

#include "lib/conf/document.h"

namespace kiln::conf {

/// Written plainly as a number: 5, -1.5, 1e3, .inf
bool is_number(const Value& value);
/// Written plainly as true or false.
bool is_boolean(const Value& value);
/// A plain whole number in decimal digits that fits.
std::optional<int64_t> as_integer(const Value& value);
std::optional<uint64_t> as_unsigned(const Value& value);
/// A plain finite number.
std::optional<double> as_real(const Value& value);

}  // namespace kiln::conf
