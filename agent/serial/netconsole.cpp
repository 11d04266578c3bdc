#include "agent/serial/netconsole.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr size_t kMaxHeader = 200;

template <typename Number>
bool read_number(std::string_view text, Number* out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *out);
  return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// "ncfrag=OFFSET/TOTAL"
bool read_part(std::string_view field, size_t* offset, size_t* total) {
  constexpr std::string_view kPart = "ncfrag=";
  if (!field.starts_with(kPart)) return false;
  field.remove_prefix(kPart.size());
  const size_t slash = field.find('/');
  return slash != std::string_view::npos && read_number(field.substr(0, slash), offset) &&
         read_number(field.substr(slash + 1), total);
}

}  // namespace

/// "[RELEASE,]LEVEL,NUMBER,MICROSECONDS,FLAG[,...]"
std::optional<Netconsole::Header> Netconsole::read_header(std::string_view header) {
  auto fields = split(header, ',');
  int level = 0;
  if (!read_number(fields.front(), &level)) fields.erase(fields.begin());
  Header out;
  if (fields.size() < 4 || !read_number(fields[0], &level) ||
      !read_number(fields[1], &out.number) || !read_number(fields[2], &out.micros))
    return std::nullopt;
  for (size_t i = 4; i < fields.size(); ++i)
    if (fields[i].starts_with("ncfrag=") && !read_part(fields[i], &out.offset, &out.total))
      return std::nullopt;
  return out;
}

void Netconsole::tell_gap(uint64_t number, std::string& text) {
  // A lower number: another boot, or the network changed their order.
  if (last_ && number > *last_ + 1)
    text += fmt::format("kiln: {} messages of netconsole are lost\n", number - *last_ - 1);
  last_ = number;
}

void Netconsole::receive(std::string_view datagram, std::string& text) {
  const size_t end = datagram.substr(0, kMaxHeader).find(';');
  const auto header =
      end == std::string_view::npos ? std::nullopt : read_header(datagram.substr(0, end));
  if (!header) {
    text += datagram;
    return;
  }
  std::string_view body = datagram.substr(end + 1);
  if (header->offset == 0) {
    tell_gap(header->number, text);
    text += fmt::format("[{:5}.{:06}] ", header->micros / 1'000'000, header->micros % 1'000'000);
  }
  const bool last = header->total == 0 || header->offset + body.size() >= header->total;
  // Lines that begin with a blank are the message's fields for programs.
  const size_t line = body.find('\n');
  text += body.substr(0, line);
  if (last || line != std::string_view::npos) text += '\n';
}

}  // namespace kiln::agent
