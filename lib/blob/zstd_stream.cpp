#include "lib/blob/zstd_stream.h"

#include <fmt/format.h>
#include <zstd.h>

#include <memory>
#include <vector>

namespace kiln::blob {
namespace {

constexpr int kLevel = 3;
constexpr int kMaxWindowLog = 24;  ///< 16 MiB; level 3 needs less

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error zstd_error(const File& file, std::string_view words) {
  return {ErrorKind::kInternal, fmt::format("{} is damaged: {}", file.path().string(), words)};
}

/// How much smaller a piece of the file gets: compressed and plain size are added up.
Status add_sample(File* file, uint64_t offset, uint64_t* plain, uint64_t* packed) {
  std::vector<char> sample(kPiece);
  KILN_TRY(file->seek(offset));
  KILN_ASSIGN(const size_t got, file->read(sample.data(), sample.size()));
  std::vector<char> target(ZSTD_compressBound(got));
  const size_t size = ZSTD_compress(target.data(), target.size(), sample.data(), got, 1);
  *plain += got;
  *packed += ZSTD_isError(size) ? got : size;
  return {};
}

/// Runs one step's input through and writes what comes out.
Status feed(ZSTD_CCtx* context, ZSTD_inBuffer* in, ZSTD_EndDirective mode,
            std::vector<char>* buffer, File* to) {
  for (;;) {
    ZSTD_outBuffer out{buffer->data(), buffer->size(), 0};
    const size_t left = ZSTD_compressStream2(context, &out, in, mode);
    if (ZSTD_isError(left)) {
      return fail(ErrorKind::kInternal, fmt::format("cannot compress {}: {}", to->path().string(),
                                                    ZSTD_getErrorName(left)));
    }
    KILN_TRY(to->write({buffer->data(), out.pos}));
    if (mode == ZSTD_e_end ? left == 0 : in->pos == in->size) return {};
  }
}

}  // namespace

Result<bool> worth_compressing(File* file) {
  constexpr uint64_t kSmall = 4096;  // one disk block either way
  KILN_ASSIGN(const uint64_t size, file->size());
  if (size <= kSmall) return false;
  uint64_t plain = 0;
  uint64_t packed = 0;
  KILN_TRY(add_sample(file, 0, &plain, &packed));
  if (size > 4 * kPiece) KILN_TRY(add_sample(file, size / 2, &plain, &packed));
  return packed * 5 <= plain * 4;
}

Status compress(File* from, File* to) {
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  if (context == nullptr) return fail(ErrorKind::kInternal, "no memory for zstd");
  KILN_ASSIGN(const uint64_t size, from->size());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), size);
  KILN_TRY(from->seek(0));
  std::vector<char> input(kPiece);
  std::vector<char> output(ZSTD_CStreamOutSize());
  for (;;) {
    KILN_ASSIGN(const size_t got, from->read(input.data(), input.size()));
    ZSTD_inBuffer in{input.data(), got, 0};
    KILN_TRY(feed(context.get(), &in, got == 0 ? ZSTD_e_end : ZSTD_e_continue, &output, to));
    if (got == 0) return {};
  }
}

Result<uint64_t> content_size(File* from) {
  char head[18];  // the longest frame header
  KILN_TRY(from->seek(0));
  KILN_ASSIGN(const size_t got, from->read(head, sizeof head));
  const unsigned long long size = ZSTD_getFrameContentSize(head, got);
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return fail(zstd_error(*from, "no zstd frame with a content size"));
  }
  return size;
}

Status decompress(File* from, const std::function<bool(std::string_view)>& sink) {
  const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (context == nullptr) return fail(ErrorKind::kInternal, "no memory for zstd");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  KILN_TRY(from->seek(0));
  std::vector<char> input(kPiece);
  std::vector<char> output(kPiece);
  size_t hint = 1;  // 0 when a frame has just ended
  for (;;) {
    KILN_ASSIGN(const size_t got, from->read(input.data(), input.size()));
    if (got == 0) break;
    ZSTD_inBuffer in{input.data(), got, 0};
    for (bool full = true; in.pos < in.size || full;) {
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      hint = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(hint)) return fail(zstd_error(*from, ZSTD_getErrorName(hint)));
      if (out.pos > 0 && !sink({output.data(), out.pos})) return {};
      full = out.pos == out.size;
      if (hint == 0 && in.pos < in.size) return fail(zstd_error(*from, "bytes after its end"));
      if (hint == 0) break;
    }
  }
  if (hint != 0) return fail(zstd_error(*from, "it ends too early"));
  return {};
}

}  // namespace kiln::blob
