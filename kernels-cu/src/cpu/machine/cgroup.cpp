#include "cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace lnrnn::cpu {

namespace {

constexpr double kUnlimited = HUGE_VAL;

// The beginning of a regular file, "" where it cannot be read. Waits for nobody: not for a FIFO's writer.
std::string read_file(const std::string& path) {
  constexpr size_t kMost = size_t{1} << 20;
  const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return {};
  std::string text;
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    char part[4096];
    while (text.size() < kMost) {
      const ssize_t got = read(file, part, sizeof part);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      text.append(part, static_cast<size_t>(got));
    }
  }
  close(file);
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

bool has(const std::vector<std::string>& parts, const char* part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// A positive number at the beginning of the text, which a blank, a line's end or nothing follows; else 0.
double positive(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  const bool whole = end != text.c_str() && (*end == '\0' || *end == ' ' || *end == '\n');
  return whole && errno == 0 && value > 0 ? static_cast<double>(value) : 0;
}

double ratio(const std::string& quota, const std::string& period) {
  const double q = positive(quota), p = positive(period);
  return q > 0 && p > 0 ? q / p : kUnlimited;
}

// Of one group.
double quota_of(const std::string& directory, bool second_version) {
  if (second_version) {
    const std::string text = read_file(directory + "/cpu.max");  // "150000 100000", "max 100000"
    const size_t blank = text.find(' ');
    return blank == std::string::npos ? kUnlimited
                                      : ratio(text.substr(0, blank), text.substr(blank + 1));
  }
  return ratio(read_file(directory + "/cpu.cfs_quota_us"),  // -1: no limit
               read_file(directory + "/cpu.cfs_period_us"));
}

// Paths in a mount table have blanks, tabs, line ends and backslashes as \040 and so on.
std::string unescaped(const std::string& text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      path += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      path += text[i];
    }
  }
  return path;
}

struct Mount {
  std::string root, point;  // what of the hierarchy is seen, and where
};

// "36 35 98:0 /root /point options [optional fields] - type source superoptions"
bool read_mount(const std::string& line, bool second_version, Mount* mount) {
  const size_t dash = line.find(" - ");
  if (dash == std::string::npos) return false;
  const std::vector<std::string> before = split(line.substr(0, dash), ' ');
  const std::vector<std::string> after = split(line.substr(dash + 3), ' ');
  if (before.size() < 5 || after.empty()) return false;
  const bool found = second_version ? after[0] == "cgroup2"
                                    : after[0] == "cgroup" && after.size() >= 3 &&
                                          has(split(after[2], ','), "cpu");
  if (!found) return false;
  *mount = {unescaped(before[3]), unescaped(before[4])};
  return true;
}

// The group's path below the mount point, "" or "/..."; "" too where the mount does not show it, as
// in a container that sees its own group as the root.
std::string path_below(const Mount& mount, const std::string& group) {
  if (group.size() > PATH_MAX || (group + "/").find("/../") != std::string::npos) return {};
  const std::string root = mount.root == "/" ? std::string() : mount.root;
  if (group.compare(0, root.size(), root) != 0) return {};
  const std::string below = group.substr(root.size());
  return below.empty() || below == "/" || below[0] != '/' ? std::string() : below;
}

}  // namespace

double cpu_quota(const std::string& root) {
  double least = kUnlimited;
  const std::vector<std::string> groups = split(read_file(root + "/proc/self/cgroup"), '\n');
  const std::vector<std::string> mounts = split(read_file(root + "/proc/self/mountinfo"), '\n');
  for (const std::string& line : groups) {  // "4:cpu,cpuacct:/path", "0::/path"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool second_version = controllers.empty();
    if (!second_version && !has(split(controllers, ','), "cpu")) continue;
    for (const std::string& entry : mounts) {
      Mount mount;
      if (!read_mount(entry, second_version, &mount)) continue;
      std::string below = path_below(mount, line.substr(second + 1));
      for (;;) {
        least = std::min(least, quota_of(root + mount.point + below, second_version));
        if (below.empty()) break;
        below.resize(below.rfind('/'));
      }
    }
  }
  return least;
}

int threads_of_quota(double quota) {
  if (!(quota < INT_MAX)) return INT_MAX;
  return std::max(1, static_cast<int>(quota));
}

}  // namespace lnrnn::cpu
