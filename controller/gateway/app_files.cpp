#include "controller/gateway/app_files.h"

#include <array>

namespace kiln::controller {
namespace {

constexpr std::chrono::seconds kLookAgain{1};
constexpr size_t kMostFiles = 500;
constexpr uint64_t kMostBytes = 16 << 20;  ///< of one file
constexpr size_t kWorthPacking = 1024;

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".webp", "image/webp"},
}};

/// "" = not one of the app's kinds.
std::string_view type_of(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return "";
  for (const auto& [ending, type] : kTypes)
    if (path.substr(dot) == ending) return type;
  return "";
}

constexpr const char* kNotBuilt = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Kiln</title></head>
<body><main><h1>The dashboard is not built</h1>
<p>This controller runs, but the files of its pages are not there. In a checkout of Kiln, build
them with</p>
<pre>cmake --build build/release --target dashboard</pre>
<p>(it needs Node.js and npm) and load this page again. All that it shows is in the command line,
too: <code>kiln --help</code>.</p>
</main></body></html>
)";

}  // namespace

http::Headers page_headers() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
           " font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
           " form-action 'self'; frame-ancestors 'none'"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

AppFiles::Files AppFiles::read(const os::Path& folder) {
  Files files;
  const auto names = os::list_files(folder);
  if (!names) return files;
  for (const os::Path& name : *names) {
    const std::string path = "/" + name.generic_string();
    const std::string_view type = type_of(path);
    if (type.empty() || files.size() >= kMostFiles) continue;
    auto bytes = os::read_file(folder / name, kMostBytes);
    if (!bytes) continue;
    File file{std::string(type), std::move(*bytes), "", ""};
    file.etag = os::sha256_hex(file.bytes).substr(0, 32);
    // Names in assets/ have a hash of what is in them.
    file.forever = path.starts_with("/assets/");
    if (file.bytes.size() >= kWorthPacking) file.packed = http::gzip(file.bytes);
    if (file.packed.size() >= file.bytes.size()) file.packed.clear();
    files.emplace(path, std::move(file));
  }
  return files;
}

void AppFiles::look() {
  const auto now = std::chrono::steady_clock::now();
  if (looked_.time_since_epoch().count() != 0 && now - looked_ < kLookAgain) return;
  looked_ = now;
  std::error_code code;
  const auto built = std::filesystem::last_write_time(folder_ / "index.html", code);
  if (code) {
    files_.clear();
    built_ = {};
  } else if (built != built_) {
    built_ = built;
    files_ = read(folder_);
  }
}

http::ServerResponse AppFiles::page(const http::ServerRequest& request) {
  look();
  http::ServerResponse response;
  response.headers = page_headers();
  auto found = files_.find(request.path);
  if (found == files_.end() &&
      (request.path.starts_with("/assets/") || !type_of(request.path).empty())) {
    response.status = 404;
    response.body = "there is nothing here\n";
    return response;
  }
  if (found == files_.end()) found = files_.find("/index.html");
  if (found == files_.end()) {
    response.type = "text/html; charset=utf-8";
    response.body = kNotBuilt;
    return response;
  }
  const File& file = found->second;
  const bool packed = !file.packed.empty() && http::takes_gzip(request.header("accept-encoding"));
  const std::string etag = "\"" + file.etag + (packed ? "-gz\"" : "\"");
  response.type = file.type;
  response.headers.emplace_back("ETag", etag);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control",
                                file.forever ? "public, max-age=31536000, immutable" : "no-cache");
  if (http::has_etag(request.header("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = packed ? file.packed : file.bytes;
  return response;
}

}  // namespace kiln::controller
