#include "agent/hardware/watchdog.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::agent {

std::string watchdog_probe() {
  // Without its sysfs part a kernel has the device and not the name.
  return "[ ! -c /dev/watchdog ] || cat /sys/class/watchdog/watchdog0/identity 2>/dev/null ||"
         " echo 'a device without a name'";
}

std::string watchdog_command(Millis time) {
  const auto seconds = std::max<int64_t>(time.count() / 1000, 2);
  // Only with its time set: what a driver begins with may be a few seconds, which a test's load
  // takes. Whoever opens it has it alone, so an open that fails says that another program feeds it.
  return fmt::format(
      "w=$({0}); [ -n \"$w\" ] || {{ echo none; exit 0; }}; "
      "if busybox --list 2>/dev/null | grep -qx watchdog; then "
      "busybox watchdog -T {1} -t {2} /dev/watchdog </dev/null >/dev/null 2>&1 ||"
      " {{ echo \"$w: another program has it\"; exit 0; }}; "
      "elif wdctl -s {1} >/dev/null 2>&1; then "
      "setsid sh -c 'exec 3>/dev/watchdog && while echo >&3; do sleep {2}; done'"
      " </dev/null >/dev/null 2>&1 & "
      "else echo \"$w: nothing here sets its time (busybox, wdctl)\"; exit 0; fi; "
      "echo \"$w, {1} s\"",
      watchdog_probe(), seconds, std::max<int64_t>(seconds / 12, 1));
}

}  // namespace kiln::agent
