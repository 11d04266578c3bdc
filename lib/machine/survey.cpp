#include "lib/machine/survey.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/text.h"

namespace kiln::machine {
namespace {

constexpr size_t kMaxValue = 2000;
constexpr size_t kMaxGpus = 16;

/// It goes into a file that people and programs read: whatever the machine says, one line of ASCII.
std::string plain(std::string_view value) {
  std::string out(trim(value.substr(0, kMaxValue)));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

/// "0x8086 0x9a49 0000:00:02.0 i915"
void add_gpu(const std::string& value, Survey* survey) {
  const auto words = split(value, ' ');
  if (words.size() < 3 || survey->gpus.size() >= kMaxGpus) return;
  if (!words[0].starts_with("0x") || !words[1].starts_with("0x")) return;
  survey->gpus.push_back(
      {words[0].substr(2) + ":" + words[1].substr(2), words[2], words.size() > 3 ? words[3] : ""});
}

bool is_partition(const std::string& device) {
  return device.starts_with("/dev/sd") || device.starts_with("/dev/nvme") ||
         device.starts_with("/dev/mmcblk") || device.starts_with("/dev/vd") ||
         device.starts_with("/dev/hd");
}

/// What the kernel can find without an initrd; UUIDs and labels of file systems it cannot.
std::string root_of(const Survey& survey) {
  if (is_partition(survey.root_device))
    return survey.root_partuuid.empty() ? survey.root_device : "PARTUUID=" + survey.root_partuuid;
  for (const std::string& word : split(survey.cmdline, ' '))
    if (word.starts_with("root=/dev/") || word.starts_with("root=PARTUUID=")) return word.substr(5);
  return "";
}

}  // namespace

std::string survey_command() {
  return R"sh(PATH=$PATH:/usr/sbin:/sbin
dmi=/sys/class/dmi/id
echo "uid=$(id -u)"
echo "kernel=$(uname -sr)"
echo "system=$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME")"
echo "product=$(cat $dmi/sys_vendor 2>/dev/null) $(cat $dmi/product_name 2>/dev/null)"
echo "firmware=$(cat $dmi/bios_version 2>/dev/null)"
echo "cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
echo "ram=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
for d in /sys/bus/pci/devices/*; do
  case $(cat "$d/class" 2>/dev/null) in
  0x03*) driver=$(readlink "$d/driver"); echo "gpu=$(cat "$d/vendor") $(cat "$d/device") ${d##*/} ${driver##*/}" ;;
  esac
done
echo "cmdline=$(cat /proc/cmdline)"
echo "consoles=$(cat /sys/class/tty/console/active 2>/dev/null)"
root=$(awk '$2 == "/" && $1 ~ "^/dev/" {d = $1} END {print d}' /proc/mounts)
[ "$root" != /dev/root ] || root=$(findmnt -n -o SOURCE / 2>/dev/null)
echo "root_device=$root"
echo "root_partuuid=$(lsblk -n -o PARTUUID "$root" 2>/dev/null | head -n 1)"
command -v grub-reboot >/dev/null && echo grub=yes
bootctl is-installed >/dev/null 2>&1 && [ -d /sys/firmware/efi ] && echo systemd_boot=yes
echo "esp=$(bootctl -p 2>/dev/null)"
command -v kexec >/dev/null && echo kexec=yes
if [ -e /dev/ipmi0 ] || [ -e /sys/firmware/dmi/entries/38-0 ] ||
  dmidecode -t 38 2>/dev/null | grep -q 'IPMI Device Information'; then echo bmc=yes; fi
echo "bmc_tool=$(command -v ipmitool)"
[ -e /dev/ipmi0 ] && timeout 10 ipmitool lan print 2>/dev/null </dev/null |
  sed -n 's/^IP Address  *: */bmc_address=/p'
echo end=survey
)sh";
}

Result<Survey> read_survey(std::string_view printed) {
  Survey out;
  bool whole = false;
  for (const std::string& line : split_lines(printed)) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = line.substr(0, equals);
    const std::string value = plain(std::string_view(line).substr(equals + 1));
    if (key == "uid") out.uid = value;
    if (key == "kernel") out.kernel = value;
    if (key == "system") out.system = value;
    if (key == "product") out.product = value;
    if (key == "firmware") out.firmware = value;
    if (key == "cpu") out.cpu = value;
    if (key == "ram") std::from_chars(value.data(), value.data() + value.size(), out.ram_kib);
    if (key == "gpu") add_gpu(value, &out);
    if (key == "cmdline") out.cmdline = value;
    if (key == "consoles") out.consoles = value;
    if (key == "root_device") out.root_device = value;
    if (key == "root_partuuid") out.root_partuuid = value;
    if (key == "grub") out.grub = true;
    if (key == "systemd_boot") out.systemd_boot = true;
    if (key == "kexec") out.kexec = true;
    if (key == "esp") out.esp = value;
    if (key == "bmc") out.bmc = true;
    if (key == "bmc_tool") out.bmc_tool = value;
    if (key == "bmc_address" && value != "0.0.0.0") out.bmc_address = value;
    whole = whole || line == "end=survey";
  }
  if (!whole || out.uid.empty() || out.kernel.empty())
    return fail(ErrorKind::kInfrastructure, "the machine's answer is not whole");
  return out;
}

std::string built_cmdline(const Survey& survey) {
  std::vector<std::string> out;
  const std::string root = root_of(survey);
  if (!root.empty()) out.push_back("root=" + root);
  bool panics = false;
  for (const std::string& word : split(survey.cmdline, ' ')) {
    panics = panics || word.starts_with("panic=");
    const bool mount = word == "ro" || word == "rw" || word == "rootwait" ||
                       word.starts_with("rootfstype=") || word.starts_with("rootflags=");
    if (mount || word.starts_with("console=") || word.starts_with("panic=")) out.push_back(word);
  }
  if (!panics) out.emplace_back("panic=30");
  return join(out, " ");
}

std::vector<std::string> survey_notes(const Survey& survey) {
  std::vector<std::string> out;
  if (survey.uid != "0")
    out.emplace_back(
        "the user is not root there; tests load modules and read debugfs: --user root");
  if (root_of(survey).empty())
    out.push_back(
        fmt::format("its root is {}, which a kernel without an initrd does not find;"
                    " put it on a partition, or write `cmdline` yourself",
                    survey.root_device.empty() ? "not known" : survey.root_device));
  if (survey.cmdline.find("console=ttyS") == std::string::npos &&
      survey.cmdline.find("console=hvc") == std::string::npos)
    out.emplace_back(
        "its kernel speaks on no serial line; console=ttyS0,115200 on its command line");
  if (survey.cmdline.find("panic=") == std::string::npos)
    out.emplace_back("its own kernel stays dead after a panic; panic=30 on its command line, too");
  if (!survey.grub && !survey.systemd_boot && !survey.kexec)
    out.emplace_back(
        "it has nothing that starts a kernel once; apt-get install grub2-common (or"
        " systemd-boot, kexec-tools)");
  if (survey.bmc && survey.bmc_tool.empty())
    out.emplace_back(
        "it has a BMC whose address nobody could ask; apt-get install ipmitool there,"
        " or give --power");
  return out;
}

std::string ram_words(uint64_t ram_kib) {
  constexpr uint64_t kGib = 1 << 20;
  return fmt::format("{}GiB", (ram_kib + kGib - 1) / kGib);
}

}  // namespace kiln::machine
