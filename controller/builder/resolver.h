#pragma once
/// A named config to the .config that a tree makes of it, checked both ways, and remembered.
#include <stop_token>
#include <string>
#include <vector>

#include "controller/builder/kernel_make.h"
#include "controller/builder/tree_store.h"
#include "lib/kernel/config.h"

namespace kiln::builder {

struct ResolvedConfig {
  std::string name;
  std::string arch;
  std::string text;    ///< the .config
  std::string digest;  ///< sha256 of text
  std::vector<kernel::Asked> asked;
  std::vector<std::string> axis;  ///< of the named config
  bool cached = false;
};

/// One process a folder; used by one thread at a time.
class Resolver {
 public:
  /// `folder` is DATA/configs; `scratch` is emptied by the owner at start.
  static Result<Resolver> open(const intake::Git& git, const TreeStore& trees,
                               const KernelMake& make, os::Path folder, os::Path scratch,
                               std::string toolchain);

  /// make BASE, the fragments merged, make olddefconfig; every asked symbol kept, else kBadInput at
  /// the fragment's line. Trees with the same Kconfig files share the answer.
  Result<ResolvedConfig> resolve(const std::string& tree, const kernel::NamedConfig& config,
                                 std::stop_token stop = {}) const;

  /// In what two resolved configs differ and why; remembered.
  Result<std::vector<kernel::ConfigDifference>> compare(const std::string& tree,
                                                        const ResolvedConfig& left,
                                                        const ResolvedConfig& right) const;

 private:
  Resolver(const intake::Git& git, const TreeStore& trees, const KernelMake& make, os::Path folder,
           os::Path scratch, std::string toolchain)
      : git_(git),
        trees_(trees),
        make_(make),
        folder_(std::move(folder)),
        scratch_(std::move(scratch)),
        toolchain_(std::move(toolchain)) {}
  Result<std::string> kconfig_id(const std::string& tree) const;
  Result<std::string> make_config(const SourceView& view, const std::string& kconfig,
                                  const kernel::NamedConfig& config,
                                  const std::vector<kernel::Asked>& asked,
                                  std::stop_token stop) const;
  Status make_target(const SourceView& view, const kernel::NamedConfig& config,
                     const os::Path& objects, const std::string& target,
                     std::stop_token stop) const;

  intake::Git git_;
  TreeStore trees_;
  KernelMake make_;
  os::Path folder_;
  os::Path scratch_;
  std::string toolchain_;
};

}  // namespace kiln::builder
