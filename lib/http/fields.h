#pragma once
/// Parts of requests that come as text from anybody. Thread-safety: pure functions.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::http {

using Headers = std::vector<std::pair<std::string, std::string>>;  ///< name, value

/// Percent-decoded; nullopt: a "%" that begins no byte. With `form`, "+" is a space.
std::optional<std::string> url_decode(std::string_view text, bool form = false);
/// The value of a name in "a=1&b=2", decoded; nullopt: not there, there twice, or badly encoded.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
/// The cookie of that name in a Cookie header; nullopt: not there, or there twice.
std::optional<std::string> cookie_value(std::string_view header, std::string_view name);
/// The list in an If-None-Match header has this tag (or is "*").
bool has_etag(std::string_view if_none_match, std::string_view etag);
/// An Accept-Encoding header takes gzip.
bool takes_gzip(std::string_view accept_encoding);
/// "kiln.example.org" of "kiln.example.org:7423", "[::1]" of "[::1]:7423"; "" = no host.
std::string_view host_name(std::string_view host_and_port);
/// Whose page sent it: the Origin header is this server's, as its Host header names it.
bool same_origin(std::string_view origin, std::string_view host);

/// As browsers take it with Content-Encoding: gzip.
std::string gzip(std::string_view bytes);

}  // namespace kiln::http
