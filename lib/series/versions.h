#pragma once
/// Versions of one series: how they find each other, and what changed in the patches. Pure.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::series {

struct VersionPatch {
  std::string subject;
  std::string patch_id;
};

/// A series that was under test.
struct Version {
  std::string title_key;
  std::string author_key;
  std::string message_id;
  int version = 1;
  std::vector<std::string> answers;  ///< message ids that its mails answer to
  std::vector<VersionPatch> patches;
};

/// Title without "[PATCH v2 0/3]", lower case, one blank between words.
std::string title_key(std::string_view title);
/// The mail address of "Name <mail>", lower case.
std::string author_key(std::string_view author);

/// Why `older` is an earlier version of `newer`: "the same author and title"; "" when it is none. A
/// title alone never links; the very same patches are no other version.
std::string link_of(const Version& newer, const Version& older);

/// The nearest earlier version among `older`, which are ordered newest run first; nullopt = none.
std::optional<size_t> predecessor(const Version& newer, std::span<const Version> older);

/// "2/3 drm/i915/gt: Replace kmap(): changed" for each patch that is not as it was, new ones and
/// dropped ones included, in the order of the newer version.
std::vector<std::string> changed_patches(const Version& newer, const Version& older);

}  // namespace kiln::series
