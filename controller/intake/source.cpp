#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "controller/intake/import.h"
#include "controller/intake/intake.h"
#include "lib/base/text.h"

namespace kiln::intake {
namespace {

namespace fs = std::filesystem;

bool is_hex_id(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_package_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-';
  });
}

std::string package_version(const std::string& name) {
  os::Command command;
  command.argv = {"dpkg-query", "-W", "-f", "${Version}", name};
  command.timeout = Millis(10'000);
  const auto exit = os::run(command);
  return exit && exit->ok() ? std::string(trim(exit->out)) : std::string();
}

/// sha256 of a file, remembered by its path, size, times and inode.
Result<std::string> remembered_digest(const os::Path& path, const os::Path& memory) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(os::errno_error("read", path, errno));
  const std::string identity = fmt::format("{}|{}|{}.{}|{}.{}|{}", fs::absolute(path).string(),
                                           info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                           info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_ino);
  const os::Path note = memory / ("file-" + os::sha256_hex(identity));
  if (auto known = os::read_file(note, 100); known && known->size() == 64) return *known;
  KILN_ASSIGN(std::string digest, os::sha256_file(path));
  KILN_TRY(os::write_atomic(note, digest));
  return digest;
}

std::string makefile_value(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = trim(std::string_view(line).substr(name.size()));
    if (rest.starts_with('=')) return std::string(trim(rest.substr(1)));
  }
  return {};
}

}  // namespace

Result<Intake::Source> Intake::acquire(const job::SourceSpec& spec, std::stop_token stop,
                                       const Progress& progress) const {
  if (spec.kind == job::SourceSpec::Kind::kGit) return from_git(spec, stop, progress);
  if (spec.kind == job::SourceSpec::Kind::kTarball) {
    if (!fs::exists(spec.tarball))
      return fail(ErrorKind::kNotFound, fmt::format("the tarball {} is not there", spec.tarball));
    return from_tarball(spec.tarball, fs::path(spec.tarball).filename().string(), stop, progress);
  }
  if (!is_package_name(spec.package))
    return fail(ErrorKind::kBadInput, fmt::format("`{}` is not a package name", spec.package));
  const os::Path tarball = options_.package_dir / (spec.package + ".tar.xz");
  if (!fs::exists(tarball))
    return fail(Error(ErrorKind::kNotFound,
                      fmt::format("the source package {} is not installed: {} is not there",
                                  spec.package, tarball.string()))
                    .with_hint(fmt::format("run: apt-get install {}", spec.package)));
  KILN_ASSIGN(Source source, from_tarball(tarball, spec.package, stop, progress));
  if (std::string version = package_version(spec.package); !version.empty()) {
    source.version = version;
    source.description = spec.package + " " + version;
  }
  return source;
}

Result<Intake::Source> Intake::from_tarball(const os::Path& tarball, const std::string& name,
                                            std::stop_token stop, const Progress& progress) const {
  KILN_ASSIGN(const std::string digest, remembered_digest(tarball, options_.data_dir / "intake"));
  const std::string ref = "refs/kiln/tarball/" + digest;
  const Git::Call look{{"rev-parse", "--verify", "--quiet", ref + "^{tree}"}};
  KILN_ASSIGN(os::Exit known, git_.run(look, stop));
  if (!known.ok()) {
    if (progress) progress(fmt::format("importing {} (once)", name));
    KILN_TRY(import_tarball(git_, tarball, ref, options_.import_timeout, stop));
    KILN_ASSIGN(known, git_.run(look, stop));
    if (!known.ok())
      return fail(ErrorKind::kInternal, fmt::format("the import of {} left no commit", name));
  }
  Source source;
  source.tree = trim(known.out);
  KILN_ASSIGN(source.version, tree_version(source.tree));
  source.description = source.version.empty() ? name : name + " " + source.version;
  return source;
}

Result<Intake::Source> Intake::from_git(const job::SourceSpec& spec, std::stop_token stop,
                                        const Progress& progress) const {
  if (spec.git.empty() || spec.git.starts_with('-') || spec.ref.starts_with('-'))
    return fail(ErrorKind::kBadInput,
                fmt::format("`{}` `{}` is no git source", spec.git, spec.ref));
  const std::string ref = spec.ref.empty() ? "HEAD" : spec.ref;
  std::string wanted = ref;
  const bool local = fs::is_directory(spec.git);
  if (local) {
    Git::Call resolve{{"-C", spec.git, "rev-parse", "--verify", "--quiet", "--end-of-options",
                       ref + "^{commit}"}};
    resolve.bare = false;
    KILN_ASSIGN(const os::Exit resolved, git_.run(resolve, stop));
    if (!resolved.ok())
      return fail(Error(ErrorKind::kNotFound,
                        fmt::format("the repository {} has no commit `{}`", spec.git, ref))
                      .with_hint(to_valid_utf8(trim(resolved.err))));
    wanted = trim(resolved.out);
  }
  std::string commit = wanted;
  bool there = false;
  if (is_hex_id(wanted)) {
    KILN_ASSIGN(there, git_.has({wanted + "^{tree}"}));
  }
  if (!there) {
    if (progress) progress(fmt::format("fetching {} from {}", ref, spec.git));
    const std::string target =
        "refs/kiln/git/" + os::sha256_hex(spec.git + "\n" + wanted).substr(0, 40);
    const std::string url = local ? "file://" + fs::absolute(spec.git).string() : spec.git;
    Git::Call fetch{{"fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head",
                     "--end-of-options", url, "+" + wanted + ":" + target}};
    fetch.user_home = !local;
    fetch.timeout = options_.fetch_timeout;
    auto fetched = git_.output(fetch, stop);
    if (!fetched && fetched.error().kind == ErrorKind::kInfrastructure)
      return fail(Error(ErrorKind::kNotFound, fmt::format("cannot fetch `{}` from {}: {}", ref,
                                                          spec.git, fetched.error().message))
                      .with_hint("check the URL and the ref with: git ls-remote " + spec.git));
    if (!fetched) return fail(fetched.error());
    KILN_ASSIGN(commit, git_.output(Git::Call{{"rev-parse", "--verify", target + "^{commit}"}}));
  }
  Source source;
  source.commit = commit;
  KILN_ASSIGN(source.tree, git_.output(Git::Call{{"rev-parse", "--verify", commit + "^{tree}"}}));
  KILN_ASSIGN(source.version, tree_version(source.tree));
  source.description = fmt::format("{} {} ({}{})", spec.git, ref, commit.substr(0, 12),
                                   source.version.empty() ? "" : ", " + source.version);
  return source;
}

Result<std::string> Intake::tree_version(const std::string& tree) const {
  KILN_ASSIGN(const os::Exit exit, git_.run(Git::Call{{"show", tree + ":Makefile"}}));
  if (!exit.ok())
    return fail(ErrorKind::kBadInput, "the source is no kernel tree: it has no Makefile");
  std::vector<std::string> lines = split_lines(exit.out);
  lines.resize(std::min<size_t>(lines.size(), 30));
  const std::string version = makefile_value(lines, "VERSION");
  if (version.empty()) return std::string();
  return fmt::format("{}.{}.{}{}", version, makefile_value(lines, "PATCHLEVEL"),
                     makefile_value(lines, "SUBLEVEL"), makefile_value(lines, "EXTRAVERSION"));
}

}  // namespace kiln::intake
