#include "lib/http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>

namespace kiln::http {
namespace {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

/// What the write callback fills.
struct Sink {
  std::string body;
  size_t most = 0;
  bool overflow = false;
};

size_t take(char* data, size_t size, size_t count, void* to) {
  auto* sink = static_cast<Sink*>(to);
  const size_t bytes = size * count;
  if (sink->body.size() + bytes > sink->most) {
    sink->overflow = true;
    return 0;
  }
  sink->body.append(data, bytes);
  return bytes;
}

bool one_line(const std::string& text) {
  return text.find_first_of("\r\n\0", 0, 3) == std::string::npos;
}

Result<List> header_list(const Request& request) {
  List list;
  for (const auto& [name, value] : request.headers) {
    if (!one_line(name) || !one_line(value))
      return fail(ErrorKind::kBadInput, fmt::format("the header {} has more than one line", name));
    curl_slist* longer = curl_slist_append(list.get(), (name + ": " + value).c_str());
    if (longer == nullptr) return fail(ErrorKind::kInternal, "out of memory");
    (void)list.release();
    list.reset(longer);
  }
  return list;
}

Error to_error(CURLcode code, const Request& request, const char* words, const Sink& sink) {
  if (sink.overflow)
    return Error(ErrorKind::kInfrastructure,
                 fmt::format("the answer of {} is larger than {} bytes", request.url, sink.most));
  ErrorKind kind = ErrorKind::kInfrastructure;
  if (code == CURLE_OPERATION_TIMEDOUT) kind = ErrorKind::kTimeout;
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    kind = ErrorKind::kBadInput;
  return Error(kind, fmt::format("{} {}: {}", request.method, request.url,
                                 *words != '\0' ? words : curl_easy_strerror(code)));
}

}  // namespace

struct CurlClient::Impl {
  ClientOptions options;
  CURL* curl = nullptr;
};

CurlClient::CurlClient(ClientOptions options) : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;  // libcurl's own set-up is not safe for threads
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  impl_->options = std::move(options);
  impl_->curl = curl_easy_init();
}

CurlClient::~CurlClient() {
  if (impl_->curl != nullptr) curl_easy_cleanup(impl_->curl);
}

Result<Response> CurlClient::send(const Request& request) {
  CURL* curl = impl_->curl;
  if (curl == nullptr) return fail(ErrorKind::kInternal, "libcurl cannot be set up");
  KILN_ASSIGN(const List headers, header_list(request));
  Sink sink;
  sink.most = impl_->options.most_bytes;
  char words[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(impl_->options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, impl_->options.agent.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (!impl_->options.ca_file.empty())
    curl_easy_setopt(curl, CURLOPT_CAINFO, impl_->options.ca_file.c_str());
  if (!impl_->options.pinned_key.empty()) {
    // The key is who the server is; its certificate's name and signer say nothing more.
    curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, impl_->options.pinned_key.c_str());
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return fail(to_error(code, request, words, sink));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return Response{static_cast<int>(status), std::move(sink.body)};
}

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

bool is_private(const std::string& url) {
  if (url.starts_with("https://")) return true;
  for (const std::string host : {"http://localhost", "http://127.0.0.1", "http://[::1]"}) {
    if (!url.starts_with(host)) continue;
    const std::string rest = url.substr(host.size());
    if (rest.empty() || rest[0] == ':' || rest[0] == '/') return true;
  }
  return false;
}

}  // namespace kiln::http
