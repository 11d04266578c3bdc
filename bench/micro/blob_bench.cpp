/// Artifacts in and out of the store: text that compresses, as logs do, and noise that does not.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "lib/blob/blob_store.h"

namespace kiln::blob {
namespace {

constexpr size_t kLogBytes = 1 << 20;
constexpr size_t kNoiseBytes = 16 << 20;

/// A store in a folder of its own, gone afterwards.
struct Scratch {
  Scratch() {
    auto made = os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-bench-");
    if (!made) return;
    folder = *made;
    if (auto opened = BlobStore::open(folder / "blobs")) store.emplace(std::move(*opened));
  }
  ~Scratch() {
    store.reset();
    (void)os::remove_tree(folder);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  os::Path folder;
  std::optional<BlobStore> store;
};

std::string log_text(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < kLogBytes)
    text += fmt::format("[{:12.6f}] i915 0000:00:02.0: [drm] event {:x} of {}\n",
                        static_cast<double>(text.size()) / 1000, random() & 0xffff, seed);
  return text;
}

std::string noise(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes;
  bytes.reserve(kNoiseBytes);
  while (bytes.size() < kNoiseBytes) {
    const uint64_t word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return bytes;
}

/// Every put is of new bytes: the same bytes again are found, not written.
void put(benchmark::State& state, std::string (*make)(uint64_t)) {
  Scratch scratch;
  std::string bytes = make(1);
  uint64_t number = 0;
  for (auto unused : state) {
    bytes.replace(0, 16, fmt::format("{:016x}", ++number));
    if (!scratch.store || !scratch.store->put(bytes)) {
      state.SkipWithError("the store did not take the bytes");
      return;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(put, log, log_text)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(put, noise, noise)->Unit(benchmark::kMillisecond)->UseRealTime();

void put_again(benchmark::State& state) {
  Scratch scratch;
  const std::string bytes = log_text(1);
  for (auto unused : state)
    if (!scratch.store || !scratch.store->put(bytes)) {
      state.SkipWithError("the store did not take the bytes");
      return;
    }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(put_again)->Unit(benchmark::kMillisecond)->UseRealTime();

void get(benchmark::State& state, std::string (*make)(uint64_t)) {
  Scratch scratch;
  const std::string bytes = make(1);
  const auto digest =
      scratch.store ? scratch.store->put(bytes) : fail(ErrorKind::kInternal, "no store");
  for (auto unused : state) {
    const auto back = digest ? scratch.store->get(*digest) : digest;
    if (!back || back->size() != bytes.size()) {
      state.SkipWithError("the store did not give the bytes back");
      return;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(get, log, log_text)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(get, noise, noise)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace kiln::blob
