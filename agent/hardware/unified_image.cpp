/// The format: "PE Format" of Microsoft's documentation; the sections: systemd-stub(7).
#include "agent/hardware/unified_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace kiln::agent {
namespace {

constexpr size_t kSectionSize = 40;  ///< of its row in the table
constexpr uint32_t kPage = 4096;
constexpr uint32_t kReadOnlyData = 0x40000040;
constexpr uint64_t kMost = 1ULL << 30;  ///< its addresses have 32 bits

uint64_t number_at(std::string_view file, size_t at, size_t bytes) {
  uint64_t out = 0;
  for (size_t i = bytes; i-- > 0;) out = out << 8 | static_cast<uint8_t>(file.at(at + i));
  return out;
}

void put(std::string& file, size_t at, uint64_t value, size_t bytes = 4) {
  for (size_t i = 0; i < bytes; ++i) file.at(at + i) = static_cast<char>(value >> (8 * i));
}

uint64_t rounded_up(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

size_t directories_at(int bits) {
  return bits == 64 ? 112 : 96;
}

/// Where the parts of a PE file's head are.
struct Head {
  int bits = 0;
  size_t optional = 0;
  size_t table = 0;  ///< of the sections
  size_t sections = 0;
  [[nodiscard]] size_t end() const { return table + sections * kSectionSize; }
};

std::optional<Head> head_of(std::string_view file) {
  if (file.size() < 64 || !file.starts_with("MZ")) return std::nullopt;
  const size_t pe = number_at(file, 0x3c, 4);
  if (pe > file.size() || file.size() - pe < 24 + 112 ||
      file.substr(pe, 4) != std::string_view("PE\0\0", 4))
    return std::nullopt;
  Head out;
  out.optional = pe + 24;
  out.sections = number_at(file, pe + 6, 2);
  out.table = out.optional + number_at(file, pe + 20, 2);
  const uint64_t machine = number_at(file, pe + 4, 2);
  const uint64_t magic = number_at(file, out.optional, 2);
  if (machine == 0x14c && magic == 0x10b) out.bits = 32;
  if (machine == 0x8664 && magic == 0x20b) out.bits = 64;
  // With the directories up to that of a signature.
  if (out.bits == 0 || out.table - out.optional < directories_at(out.bits) + 5 * 8 ||
      out.end() > file.size())
    return std::nullopt;
  return out;
}

bool has_section(std::string_view file, const Head& head, std::string_view name) {
  for (size_t at = head.table; at < head.end(); at += kSectionSize) {
    const std::string_view field = file.substr(at, 8);
    if (field.substr(0, field.find('\0')) == name) return true;
  }
  return false;
}

/// Puts one section after the other behind what is there.
class Writer {
 public:
  Writer(std::string_view stub, const Head& head) : file_(stub), head_(head) {
    file_align_ = number_at(file_, head.optional + 36, 4);
    align_ = std::max<uint64_t>(kPage, number_at(file_, head.optional + 32, 4));
    room_ = number_at(file_, head.optional + 60, 4);
    for (size_t at = head.table; at < head.end(); at += kSectionSize) {
      end_ = std::max(end_, number_at(file_, at + 12, 4) + number_at(file_, at + 8, 4));
      if (const uint64_t raw = number_at(file_, at + 20, 4); raw > 0) room_ = std::min(room_, raw);
    }
  }
  [[nodiscard]] bool has_room(size_t sections) const {
    const bool aligned = file_align_ >= 512 && file_align_ <= 65536 && align_ <= 1 << 20;
    return aligned && room_ <= file_.size() && end_ < kMost &&
           head_.end() + sections * kSectionSize <= room_;
  }
  void add(std::string_view name, std::string_view content) {
    const uint64_t address = rounded_up(end_, align_);
    const uint64_t raw = rounded_up(content.size(), file_align_);
    file_.resize(rounded_up(file_.size(), file_align_));
    const size_t row = head_.end();
    std::fill_n(file_.begin() + static_cast<ptrdiff_t>(row), kSectionSize, '\0');
    std::copy(name.begin(), name.end(), file_.begin() + static_cast<ptrdiff_t>(row));
    put(file_, row + 8, content.size());
    put(file_, row + 12, address);
    put(file_, row + 16, raw);
    put(file_, row + 20, file_.size());
    put(file_, row + 36, kReadOnlyData);
    file_ += content;
    file_.resize(rounded_up(file_.size(), file_align_));
    end_ = address + content.size();
    data_ += raw;
    ++head_.sections;
  }
  std::string finish() && {
    put(file_, head_.optional - 18, head_.sections, 2);
    put(file_, head_.optional + 8, number_at(file_, head_.optional + 8, 4) + data_);
    put(file_, head_.optional + 56, rounded_up(end_, align_));
    put(file_, head_.optional + 64, 0);  // a sum that UEFI does not look at
    return std::move(file_);
  }

 private:
  std::string file_;
  Head head_;
  uint64_t file_align_ = 0;
  uint64_t align_ = 0;
  uint64_t room_ = 0;  ///< the head's, up to what follows it
  uint64_t end_ = 0;   ///< in memory
  uint64_t data_ = 0;  ///< that came in
};

}  // namespace

int firmware_bits(std::string_view program) {
  const auto head = head_of(program);
  return head ? head->bits : 0;
}

int stub_bits(std::string_view program) {
  const auto head = head_of(program);
  const bool bare = head && has_section(program, *head, ".sdmagic") &&
                    !has_section(program, *head, ".linux") &&
                    program.find("systemd-stub") != std::string_view::npos;
  return bare ? head->bits : 0;
}

Result<std::string> unified_image(const ImageParts& parts) {
  const int bits = stub_bits(parts.stub);
  if (bits == 0) return fail(ErrorKind::kBadInput, "the stub is not systemd's (linux*.efi.stub)");
  const int wanted = firmware_bits(parts.kernel);
  if (wanted == 0)
    return fail(ErrorKind::kBadInput, "the kernel is none that UEFI starts: CONFIG_EFI_STUB");
  if (wanted != bits)
    return fail(
        ErrorKind::kBadInput,
        fmt::format("the kernel is for firmware of {} bits, the stub for {}", wanted, bits));
  if (parts.kernel.size() + parts.initrd.size() + parts.cmdline.size() >= kMost)
    return fail(ErrorKind::kBadInput, "kernel and initrd are too large for one image");
  const Head head = *head_of(parts.stub);
  Writer writer(parts.stub, head);
  // A signature covers the whole file, and stands where the sections go.
  const size_t directories = head.optional + directories_at(bits);
  const bool has_signature = number_at(parts.stub, directories + 4 * 8, 8) != 0;
  if (has_signature || !writer.has_room(parts.initrd.empty() ? 2 : 3))
    return fail(ErrorKind::kBadInput, has_signature ? "the stub is signed: take the one without"
                                                    : "the stub has no room for further sections");
  writer.add(".cmdline", parts.cmdline);
  if (!parts.initrd.empty()) writer.add(".initrd", parts.initrd);
  writer.add(".linux", parts.kernel);  // the last: old kernels unpack themselves where they lie
  return std::move(writer).finish();
}

}  // namespace kiln::agent
