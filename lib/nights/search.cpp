#include "lib/nights/search.h"

#include <algorithm>

namespace kiln::nights {

std::optional<std::string> why_not_search(const SearchFacts& facts) {
  if (facts.worse.empty()) return "";
  if (facts.has_series) return "the commits are not searched: the job has a series of its own";
  if (facts.repository.empty())
    return "the commits are not searched: the source is no git repository of this computer";
  if (facts.good_commit.empty() || facts.commit.empty())
    return "the commits are not searched: the good night's commit is not known";
  if (facts.good_commit == facts.commit)
    return "the commits are not searched: both nights ran the same one";
  if (std::includes(facts.told.begin(), facts.told.end(), facts.worse.begin(), facts.worse.end()))
    return "the commits were searched after the night before";
  return std::nullopt;
}

}  // namespace kiln::nights
