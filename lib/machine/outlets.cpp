#include "lib/machine/outlets.h"

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::machine {
namespace {

/// Below 1.3.6.1.4.1, the vendors' own branch. Where one OID both commands and tells, its states
/// are those of the commands; other values (delayed actions, unknown) are neither on nor off.
/// The sources are the vendors' MIBs; neighbouring OIDs switch a whole strip, so none is built
/// from anything but these.
std::vector<OutletTable> make_known() {
  const std::string vendors = ".1.3.6.1.4.1.";
  const auto same = [&](const char* name, const std::string& oid, int on, int off) {
    return OutletTable{name, oid, on, oid, off, oid, {on}, {off}};
  };
  std::vector<OutletTable> out;
  out.push_back(same("apc-masterswitch", vendors + "318.1.1.4.4.2.1.3.{outlet}", 1, 2));
  const std::string rpdu = vendors + "318.1.1.12.3.3.1.1.4.{outlet}";
  out.push_back(
      {"apc-rpdu", rpdu, 1, rpdu, 2, vendors + "318.1.1.12.3.5.1.1.4.{outlet}", {1}, {2}});
  const std::string plus = vendors + "318.1.1.6.5.1.1.5.{unit}.1.{outlet}";
  out.push_back({"apc-masterswitch-plus",
                 plus,
                 1,
                 plus,
                 3,
                 vendors + "318.1.1.6.7.1.1.5.{unit}.1.{outlet}",
                 {1},
                 {2}});
  out.push_back(same("apc-cpdu", vendors + "318.1.1.32.5.5.1.4.{outlet}", 2, 1));
  out.push_back(same("cyberpower", vendors + "3808.1.1.3.3.3.1.1.4.{outlet}", 1, 2));
  const std::string rmcard = vendors + "3808.1.1.5.6.5.1.3.{outlet}";
  out.push_back({"cyberpower-rmcard205",
                 rmcard,
                 2,
                 rmcard,
                 3,
                 vendors + "3808.1.1.5.6.3.1.3.{outlet}",
                 {1},
                 {2}});
  const std::string eaton = vendors + "534.6.6.7.6.6.1.";
  out.push_back({"eaton-epdu",
                 eaton + "4.0.{outlet}",
                 1,
                 eaton + "3.0.{outlet}",
                 1,
                 eaton + "2.0.{outlet}",
                 {1},
                 {0}});
  const std::string raritan = vendors + "13742.6.4.1.2.1.2.1.{outlet}";
  out.push_back(
      {"raritan-px", raritan, 1, raritan, 0, vendors + "13742.6.4.1.2.1.3.1.{outlet}", {7}, {8}});
  const std::string sentry = vendors + "1718.3.2.3.1.11.{unit}.{group}.{outlet}";
  out.push_back({"sentry3",
                 sentry,
                 1,
                 sentry,
                 2,
                 vendors + "1718.3.2.3.1.10.{unit}.{group}.{outlet}",
                 {3, 5},
                 {4}});
  const std::string tripp = vendors + "850.10.2.3.5.1.4.1.{outlet}";
  out.push_back(
      {"tripplite", tripp, 2, tripp, 1, vendors + "850.10.2.3.5.1.2.1.{outlet}", {2}, {1}});
  out.push_back(same("poe", ".1.3.6.1.2.1.105.1.1.1.3.{group}.{outlet}", 1, 2));
  return out;
}

void replace(std::string& text, std::string_view what, int with) {
  const std::string number = std::to_string(with);
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.replace(at, what.size(), number);
}

}  // namespace

std::span<const OutletTable> known_outlets() {
  static const std::vector<OutletTable> kKnown = make_known();
  return kKnown;
}

bool is_oid(std::string_view text) {
  if (text.starts_with('.')) text.remove_prefix(1);
  const auto parts = split(text, '.');
  if (parts.size() < 2 || parts.size() > 64) return false;
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    if (part == "{outlet}" || part == "{group}" || part == "{unit}") return true;
    return !part.empty() && part.size() <= 10 &&
           part.find_first_not_of("0123456789") == std::string::npos;
  });
}

std::string fill_oid(const std::string& oid, const SnmpPower& at) {
  std::string out = oid.starts_with('.') ? oid : "." + oid;
  replace(out, "{outlet}", at.outlet);
  replace(out, "{group}", at.group);
  replace(out, "{unit}", at.unit);
  return out;
}

}  // namespace kiln::machine
