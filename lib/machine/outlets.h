#pragma once
/// Outlet strips and what their numbers mean. Pure.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/machine/spec.h"

namespace kiln::machine {

/// The models that are known without a table of one's own.
std::span<const OutletTable> known_outlets();

/// Digits and dots, at least two numbers, beginning at the root ("1.3.6" or ".1.3.6"); the
/// placeholders count as numbers.
bool is_oid(std::string_view text);

/// The OID with the machine's numbers, ".1.3...".
std::string fill_oid(const std::string& oid, const SnmpPower& at);

}  // namespace kiln::machine
