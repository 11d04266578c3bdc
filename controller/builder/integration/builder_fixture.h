#pragma once
/// A data folder with a repository, an artifact folder and a builder; for this folder's tests only.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "controller/builder/builder.h"
#include "controller/builder/integration/fake_kernel.h"
#include "controller/intake/git.h"

namespace kiln::builder {

namespace fs = std::filesystem;

class FolderSink : public ArtifactSink {
 public:
  explicit FolderSink(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
  }
  Result<std::string> put_file(const os::Path& path) override {
    KILN_ASSIGN(const std::string bytes, os::read_file(path));
    return put(bytes);
  }
  Result<std::string> put(std::string_view bytes) override {
    const std::string digest = os::sha256_hex(bytes);
    KILN_TRY(os::write_atomic(folder_ / digest, bytes));
    return digest;
  }
  [[nodiscard]] bool has(const std::string& digest) const override {
    return !digest.empty() && fs::exists(folder_ / digest);
  }
  [[nodiscard]] fs::path path(const std::string& digest) const { return folder_ / digest; }

 private:
  fs::path folder_;
};

inline void write_files(const fs::path& root, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
}

class BuilderTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(fs::temp_directory_path(), "builder");
    sink_ = std::make_unique<FolderSink>(dir_ / "art");
    options_.data_dir = dir_ / "data";
    options_.ccache_dir = dir_ / "ccache";
    options_.free_needed = 0;
    auto git = intake::Git::open(dir_ / "data/sources.git", dir_ / "data/tmp/intake");
    ASSERT_TRUE(git) << render(git.error());
    git_ = std::make_unique<intake::Git>(std::move(*git));
    open();
  }
  void TearDown() override {
    builder_.reset();
    (void)os::remove_tree(dir_);
  }
  void open() {
    builder_.reset();
    auto opened = Builder::open(options_, *git_, *sink_);
    ASSERT_TRUE(opened) << render(opened.error());
    builder_ = std::move(*opened);
  }
  /// The whole source.
  [[nodiscard]] virtual std::map<std::string, std::string> source() const { return fake_kernel(); }
  /// It with some files replaced ("" = removed), as a tree in the repository.
  std::string tree(const std::map<std::string, std::string>& changes = {}) {
    const fs::path work = dir_ / fmt::format("work-{}", ++count_);
    auto files = source();
    for (const auto& [name, text] : changes) {
      files[name] = text;
      if (text.empty()) files.erase(name);
    }
    write_files(work, files);
    intake::Git::Call call{{"--work-tree=" + work.string(), "add", "-A", "-f", "."}};
    call.index_file = dir_ / fmt::format("index-{}", count_);
    call.cwd = work;
    auto added = git_->output(call);
    EXPECT_TRUE(added) << render(added.error());
    call.arguments = {"write-tree"};
    return git_->output(call).value_or("");
  }
  kernel::NamedConfig config(const std::string& fragment) {
    std::ofstream(dir_ / "f.config") << fragment;
    return {"fake", "i386", "tinyconfig", {dir_ / "f.config"}, "", {}};
  }
  BuildRequest request(const std::string& tree_id, const std::string& fragment = "CONFIG_PCI=y\n") {
    const auto resolved = builder_->resolver().resolve(tree_id, config(fragment));
    EXPECT_TRUE(resolved) << render(resolved.error());
    BuildRequest r;
    r.input = {tree_id, "i386", resolved ? resolved->text : "", builder_->toolchain(), ""};
    r.timeout = Millis(60'000);
    r.memory_bytes = 1ULL << 30;
    return r;
  }
  BuildRequest patched(const BuildRequest& base, const std::string& tree_id) {
    BuildRequest r = base;
    r.input.tree_id = tree_id;
    r.base_tree_id = base.input.tree_id;
    r.base_key = kernel::build_key(base.input);
    return r;
  }
  kernel::BuildRecord build(const BuildRequest& r) {
    auto record = builder_->build(r);
    EXPECT_TRUE(record) << render(record.error());
    return record ? *record : kernel::BuildRecord{};
  }
  std::string unpacked(const std::string& digest, const std::string& command) {
    os::Command c;
    c.argv = {"sh", "-c", command, sink_->path(digest)};
    return os::run_ok(c).value_or("?");
  }

  static std::string drm(const std::string& body) {
    return "#include \"common.h\"\nint drm(int x);\nint drm(int x)\n{\n" + body + "}\n";
  }

  fs::path dir_;
  std::unique_ptr<FolderSink> sink_;
  BuilderOptions options_;
  std::unique_ptr<intake::Git> git_;
  std::unique_ptr<Builder> builder_;
  int count_ = 0;
};

}  // namespace kiln::builder
