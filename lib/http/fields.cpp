#include "lib/http/fields.h"

#include <zlib.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::http {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// Calls `each` with the parts between the separators until it returns false.
template <typename Each>
void for_each_part(std::string_view text, char separator, Each each) {
  while (true) {
    const size_t end = text.find(separator);
    if (!each(text.substr(0, end)) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

/// The one "name=value" among the parts.
std::optional<std::string_view> only_value(std::string_view text, char separator,
                                           std::string_view name) {
  std::optional<std::string_view> found;
  bool twice = false;
  for_each_part(text, separator, [&](std::string_view part) {
    part = trim(part);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos || part.substr(0, equals) != name) return true;
    twice = found.has_value();
    found = part.substr(equals + 1);
    return !twice;
  });
  return twice ? std::nullopt : found;
}

}  // namespace

std::optional<std::string> url_decode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  const auto found = only_value(query, '&', name);
  return found ? url_decode(*found, true) : std::nullopt;
}

std::optional<std::string> cookie_value(std::string_view header, std::string_view name) {
  const auto found = only_value(header, ';', name);
  return found ? std::optional<std::string>(*found) : std::nullopt;
}

bool has_etag(std::string_view if_none_match, std::string_view etag) {
  bool found = false;
  for_each_part(if_none_match, ',', [&](std::string_view part) {
    part = trim(part);
    if (part.starts_with("W/")) part.remove_prefix(2);
    found = part == "*" || part == etag;
    return !found;
  });
  return found;
}

bool takes_gzip(std::string_view accept_encoding) {
  bool takes = false;
  for_each_part(accept_encoding, ',', [&](std::string_view part) {
    const size_t mark = part.find(';');
    const bool named = same_word(trim(part.substr(0, mark)), "gzip");
    const std::string_view weight =
        mark == std::string_view::npos ? "" : trim(part.substr(mark + 1));
    takes = named && weight != "q=0" && weight != "q=0.0";
    return !takes;
  });
  return takes;
}

std::string_view host_name(std::string_view host_and_port) {
  if (host_and_port.starts_with("[")) {
    const size_t end = host_and_port.find(']');
    return end == std::string_view::npos ? "" : host_and_port.substr(0, end + 1);
  }
  return host_and_port.substr(0, host_and_port.find(':'));
}

bool same_origin(std::string_view origin, std::string_view host) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return !host.empty() && same_word(origin.substr(scheme.size()), host);
  return false;  // "null", too
}

std::string gzip(std::string_view bytes) {
  constexpr int kWithGzipHeader = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWithGzipHeader, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return "";
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::string in(bytes);  // zlib's interface wants it writable
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace kiln::http
