#pragma once
/// A kernel that counts which of its lines run: which objects are instrumented and how. The series'
/// objects only, since instrumented code is not the code that is judged (docs/reach.md).
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/builder/tree_store.h"

namespace kiln::builder {

/// Objects that are made from the touched files, relative to the objects' root.
struct ProfilePlan {
  struct File {
    std::vector<std::string> objects;  ///< to be measured
    int left_out = 0;                  ///< made from it, too, and not measured
  };
  std::map<std::string, File> files;
  std::set<std::string> objects;  ///< of all files
  std::vector<std::string> notes;
};

/// A file that half the kernel includes is measured in so many objects.
inline constexpr size_t kMaxObjectsOfFile = 48;

/// Objects of a build that are made from the files, by its dependencies in `objects`; nothing is
/// left out because of a Makefile.
Result<ProfilePlan> plan_objects(const os::Path& objects, const std::vector<std::string>& touched);

/// Where a file of the tree lies on this computer.
os::Path host_path(const SourceView& source, const std::string& path);
bool is_there(const SourceView& source, const std::string& path);

/// Reads a build's dependencies in `objects`. Objects whose Makefile forbids profiling are noted
/// and left out.
Result<ProfilePlan> plan_profile(const os::Path& objects, const SourceView& source,
                                 const std::vector<std::string>& touched);

/// The Makefiles of those objects with the lines that turn profiling on, written below `folder`: to
/// be laid over the source. kbuild has no other way to do this for single objects.
Result<std::vector<std::pair<std::string, os::Path>>> profile_makefiles(const ProfilePlan& plan,
                                                                        const SourceView& source,
                                                                        const os::Path& folder);

/// Options of make for exact line counts: no inlining and no optimisation before gcc counts, else
/// a statement that is inlined or folded away early has no count of its own.
inline constexpr const char* kExactCounts =
    "CFLAGS_GCOV=-fprofile-arcs -ftest-coverage -fno-tree-loop-im -fno-early-inlining"
    " -fdisable-tree-early_optimizations";

}  // namespace kiln::builder
