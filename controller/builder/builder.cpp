#include "controller/builder/builder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "controller/builder/build_run.h"
#include "controller/builder/line_reader.h"
#include "lib/base/text.h"

namespace kiln::builder {
namespace {

bool is_made(const os::Path& path) {
  const std::string name = path.filename().string();
  const std::string extension = path.extension().string();
  return extension == ".o" || extension == ".ko" || extension == ".cmd" || extension == ".mod" ||
         name.ends_with(".mod.c") || name == "Module.symvers" || name == "modules.order";
}

}  // namespace

Result<std::vector<os::Path>> source_files(const os::Path& folder) {
  KILN_ASSIGN(const std::vector<os::Path> all, os::list_files(folder));
  const std::string ignored = os::read_file(folder / ".gitignore", 1 << 16).value_or("");
  const std::vector<std::string> patterns = split_lines(ignored);
  std::vector<os::Path> files;
  for (const os::Path& file : all) {
    const std::string name = file.filename().string();
    const bool skip = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& raw) {
      std::string_view pattern = trim(raw);
      if (pattern.empty() || pattern[0] == '#' || pattern[0] == '!') return false;
      if (pattern[0] == '/') pattern.remove_prefix(1);
      return glob_match(pattern, name) || glob_match(pattern, file.string());
    });
    if (!skip && !is_made(file)) files.push_back(file);
  }
  return files;
}

Result<std::string> folder_digest(const os::Path& folder) {
  if (folder.empty()) return std::string();
  KILN_ASSIGN(const std::vector<os::Path> files, source_files(folder));
  os::Sha256 hash;
  hash.update("kiln-folder-1");
  for (const os::Path& file : files) {
    struct stat info {};
    if (::stat((folder / file).c_str(), &info) != 0)
      return fail(os::errno_error("read", folder / file, errno));
    KILN_ASSIGN(const std::string digest, os::sha256_file(folder / file));
    hash.update(fmt::format("|{}|{}|{}", file.string(), (info.st_mode & 0100) != 0, digest));
  }
  return hash.hex();
}

Result<std::unique_ptr<Builder>> Builder::open(BuilderOptions options, const intake::Git& git,
                                               ArtifactSink& sink) {
  KILN_ASSIGN(Sandbox sandbox, Sandbox::probe());
  KernelMake make(std::move(sandbox), options.ccache_dir, options.ccache_limit, options.jobs);
  KILN_TRY(make.prepare());
  KILN_ASSIGN(std::string toolchain, make.toolchain());
  const os::Path scratch = options.data_dir / "tmp" / "builder";
  KILN_TRY(os::remove_tree(scratch));
  KILN_TRY(os::make_dirs(scratch));
  KILN_ASSIGN(TreeStore trees, TreeStore::open(git, options.data_dir / "trees"));
  KILN_ASSIGN(ObjectStore objects, ObjectStore::open(options.data_dir / "objects"));
  const os::Path configs = options.data_dir / "configs";
  std::unique_ptr<Builder> builder(new Builder(std::move(options), sink, std::move(make),
                                               std::move(trees), std::move(objects), toolchain));
  KILN_ASSIGN(Resolver resolver,
              Resolver::open(git, builder->trees_, builder->make_, configs, scratch, toolchain));
  builder->resolver_ = std::make_unique<Resolver>(std::move(resolver));
  return builder;
}

Status Builder::need_space() const {
  KILN_ASSIGN(const uint64_t free, os::free_bytes(options_.data_dir));
  if (free >= options_.free_needed) return {};
  return fail(Error(ErrorKind::kNoSpace,
                    fmt::format("{} has {} free, a build needs {}", options_.data_dir.string(),
                                human_bytes(free), human_bytes(options_.free_needed)))
                  .with_hint("free some space there, or name another data folder with "
                             "--data-dir"));
}

Result<kernel::BuildRecord> Builder::build(const BuildRequest& request, std::stop_token stop,
                                           const OnProgress& progress) {
  KILN_TRY(need_space());
  BuildRun run(request, make_, trees_, objects_, sink_, std::move(stop), progress);
  return run.run();
}

Result<Coverage> Builder::read_coverage(const CoverageRequest& request, FetchArtifact fetch,
                                        std::stop_token stop) const {
  CoverageReader reader(trees_, make_, options_.data_dir / "tmp" / "builder" / "coverage",
                        std::move(fetch));
  return reader.read(request, std::move(stop));
}

Result<symbols::Decoded> Builder::decode(const DecodeRequest& request, std::stop_token stop) const {
  const auto meta = objects_.find(request.key);
  if (!meta) return fail(ErrorKind::kNotFound, "the objects of this build are not kept any more");
  KILN_ASSIGN(SourceView sources, trees_.view(meta->tree_id, request.base_tree_id, stop));
  LineReader reader(make_, std::move(sources), objects_.objects(request.key), request.timeout);
  return symbols::decode(request.stack, reader, options_.data_dir / "tmp" / "builder",
                         std::move(stop));
}

Result<statics::Side> Builder::check_statics(const StaticRequest& request,
                                             std::stop_token stop) const {
  KILN_TRY(need_space());
  StaticChecker checker(make_, trees_, objects_, toolchain_, options_.data_dir / "statics",
                        options_.data_dir / "tmp" / "builder");
  return checker.check(request, std::move(stop));
}

Status Builder::collect(const std::vector<std::string>& keys,
                        const std::vector<std::string>& trees) const {
  KILN_TRY(objects_.collect(options_.objects_limit, keys));
  return trees_.collect(options_.trees_limit, trees);
}

}  // namespace kiln::builder
