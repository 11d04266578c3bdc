#include "lib/series/versions.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::series {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

const VersionPatch* find_subject(const Version& version, const std::string& subject) {
  const std::string key = title_key(subject);
  const auto found =
      std::find_if(version.patches.begin(), version.patches.end(),
                   [&](const VersionPatch& patch) { return title_key(patch.subject) == key; });
  return found == version.patches.end() ? nullptr : &*found;
}

bool same_patches(const Version& a, const Version& b) {
  return a.patches.size() == b.patches.size() &&
         std::equal(a.patches.begin(), a.patches.end(), b.patches.begin(),
                    [](const VersionPatch& x, const VersionPatch& y) {
                      return x.patch_id == y.patch_id && !x.patch_id.empty();
                    });
}

/// Patches of `newer` that `older` has under the same subject, or word for word.
int shared_patches(const Version& newer, const Version& older) {
  return static_cast<int>(
      std::count_if(newer.patches.begin(), newer.patches.end(), [&](const VersionPatch& patch) {
        if (find_subject(older, patch.subject) != nullptr) return true;
        return !patch.patch_id.empty() &&
               std::any_of(older.patches.begin(), older.patches.end(),
                           [&](const VersionPatch& o) { return o.patch_id == patch.patch_id; });
      }));
}

}  // namespace

std::string title_key(std::string_view title) {
  std::string_view rest = trim(title);
  if (rest.starts_with("Re:")) rest = trim(rest.substr(3));
  while (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) break;
    rest = trim(rest.substr(end + 1));
  }
  std::string out;
  for (const std::string& word : split(lower(rest), ' '))
    if (!word.empty()) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string author_key(std::string_view author) {
  const size_t open = author.rfind('<');
  if (open != std::string_view::npos) {
    author = author.substr(open + 1);
    author = author.substr(0, author.find('>'));
  }
  author = trim(author);
  return author.find('@') == std::string_view::npos ? "" : lower(author);
}

std::string link_of(const Version& newer, const Version& older) {
  if (older.version > newer.version || same_patches(newer, older)) return "";
  const auto& answers = newer.answers;
  if (!older.message_id.empty() &&
      std::find(answers.begin(), answers.end(), older.message_id) != answers.end())
    return "its mails answer to that version's";
  if (newer.author_key.empty() || newer.author_key != older.author_key) return "";
  if (!newer.title_key.empty() && newer.title_key == older.title_key)
    return "the same author and title";
  const int shared = shared_patches(newer, older);
  const int most = static_cast<int>(std::max(newer.patches.size(), older.patches.size()));
  if (shared == 0 || shared * 2 < most) return "";
  return fmt::format("the same author, and {} of {} patches", shared, newer.patches.size());
}

std::optional<size_t> predecessor(const Version& newer, std::span<const Version> older) {
  std::optional<size_t> best;
  for (size_t i = 0; i < older.size(); ++i) {
    if (link_of(newer, older[i]).empty()) continue;
    // Of one version the newest run counts, and it comes first.
    if (!best || older[i].version > older[*best].version) best = i;
  }
  return best;
}

std::vector<std::string> changed_patches(const Version& newer, const Version& older) {
  std::vector<std::string> out;
  for (size_t i = 0; i < newer.patches.size(); ++i) {
    const VersionPatch& patch = newer.patches[i];
    const VersionPatch* before = find_subject(older, patch.subject);
    std::string_view word;
    if (before == nullptr) {
      // Renamed and otherwise as it was: nothing that a test could see.
      const bool renamed =
          !patch.patch_id.empty() &&
          std::any_of(older.patches.begin(), older.patches.end(),
                      [&](const VersionPatch& o) { return o.patch_id == patch.patch_id; });
      word = renamed ? "renamed" : "new";
    } else if (before->patch_id != patch.patch_id) {
      word = "changed";
    }
    if (!word.empty())
      out.push_back(fmt::format("{}/{} {}: {}", i + 1, newer.patches.size(), patch.subject, word));
  }
  for (const VersionPatch& patch : older.patches) {
    const bool kept =
        find_subject(newer, patch.subject) != nullptr ||
        std::any_of(newer.patches.begin(), newer.patches.end(), [&](const VersionPatch& n) {
          return !n.patch_id.empty() && n.patch_id == patch.patch_id;
        });
    if (!kept) out.push_back(fmt::format("{}: dropped", patch.subject));
  }
  return out;
}

}  // namespace kiln::series
