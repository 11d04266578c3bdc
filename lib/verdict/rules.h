#pragma once
/// The version of the rules by which runs are judged: of lib/verdict, and of what it asks
/// lib/stats.

namespace kiln::verdict {

/// Counted up with every change after which a stored run may be judged otherwise; each stored
/// verdict names it. docs/database.md says what the versions were.
inline constexpr int kRulesVersion = 5;

}  // namespace kiln::verdict
