// What control groups allow, read from files as systems have them and as none should.
#include "cpu/machine/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "check.h"

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

// The quota of a machine with these files, and no others.
double quota_with(const Files& files) {
  char name[] = "/tmp/cgroup_test.XXXXXX";
  CHECK(mkdtemp(name) != nullptr);
  const fs::path root = name;
  for (const auto& [path, text] : files) {
    const fs::path file = root / path.substr(1);
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  const double quota = lnrnn::cpu::cpu_quota(root);
  fs::remove_all(root);
  return quota;
}

const char kMount2[] = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
const char kMount1[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n";

Files version_2(const std::string& group, Files files) {
  files["/proc/self/cgroup"] = "0::" + group + "\n";
  files["/proc/self/mountinfo"] = kMount2;
  return files;
}
Files version_1(const std::string& group, const std::string& quota, const std::string& period,
                const std::string& at) {
  return {{"/proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/\n"},
          {"/proc/self/mountinfo", kMount1},
          {"/sys/fs/cgroup/cpu,cpuacct" + at + "/cpu.cfs_quota_us", quota},
          {"/sys/fs/cgroup/cpu,cpuacct" + at + "/cpu.cfs_period_us", period}};
}

void test_version_2() {
  CHECK(quota_with(version_2("/", {{"/sys/fs/cgroup/cpu.max", "150000 100000\n"}})) == 1.5);
  CHECK(quota_with(version_2("/", {{"/sys/fs/cgroup/cpu.max", "max 100000\n"}})) == HUGE_VAL);
  CHECK(quota_with(version_2("/a/b", {{"/sys/fs/cgroup/a/b/cpu.max", "300000 100000"},
                                      {"/sys/fs/cgroup/a/cpu.max", "200000 100000"},
                                      {"/sys/fs/cgroup/cpu.max", "max 100000"}})) == 2);
  CHECK(quota_with(version_2("/a/b", {{"/sys/fs/cgroup/a/b/cpu.max", "50000 100000"},
                                      {"/sys/fs/cgroup/a/cpu.max", "max 100000"}})) == 0.5);
  // A container's root is its own group; a group out of sight is looked for at the mount point.
  CHECK(quota_with(version_2("/../../x", {{"/sys/fs/cgroup/cpu.max", "100000 50000"}})) == 2);
}

void test_version_1() {
  CHECK(quota_with(version_1("/", "400000\n", "100000\n", "")) == 4);
  CHECK(quota_with(version_1("/", "-1\n", "100000\n", "")) == HUGE_VAL);
  CHECK(quota_with(version_1("/docker/abc", "250000\n", "100000\n", "/docker")) == 2.5);
  Files mounted = version_1("/docker/abc", "100000\n", "100000\n", "");
  std::string& mounts = mounted["/proc/self/mountinfo"];
  mounts.replace(mounts.find("0:30 / "), 7, "0:30 /docker/abc ");
  CHECK(quota_with(mounted) == 1);
  // Both versions at once: cpu is the first's.
  Files hybrid = version_1("/", "300000\n", "100000\n", "");
  hybrid["/proc/self/cgroup"] += "0::/\n";
  hybrid["/proc/self/mountinfo"] += "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  CHECK(quota_with(hybrid) == 3);
  // A mount point with a blank.
  Files blank = version_2("/", {{"/my groups/cpu.max", "200000 100000\n"}});
  blank["/proc/self/mountinfo"] = "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n";
  CHECK(quota_with(blank) == 2);
}

// No limit, and no harm.
void test_nonsense() {
  CHECK(quota_with({}) == HUGE_VAL);
  for (const std::string text : {"", "\n", "max", "max max", "0 100000", "-5 100000", "100000 0",
                                 "100000 -1", "100000", "100000 x", "x 100000", "1e5 100000",
                                 "99999999999999999999999999 100000", " 1 1", "12abc 10"}) {
    CHECK(quota_with(version_2("/", {{"/sys/fs/cgroup/cpu.max", text}})) == HUGE_VAL);
    CHECK(quota_with(version_1("/", text, "100000\n", "")) == HUGE_VAL || text == "100000" ||
          text == "100000 0" || text == "100000 -1" || text == "100000 x" || text == " 1 1");
    CHECK(quota_with({{"/proc/self/cgroup", text}, {"/proc/self/mountinfo", kMount2}}) == HUGE_VAL);
    CHECK(quota_with({{"/proc/self/cgroup", "0::/\n"}, {"/proc/self/mountinfo", text}}) ==
          HUGE_VAL);
  }
  CHECK(quota_with(version_2("/", {{"/sys/fs/cgroup/cpu.max", std::string(3 << 20, '7')}})) ==
        HUGE_VAL);
  CHECK(quota_with(version_2("nowhere", {{"/sys/fs/cgroup/cpu.max", "100000 100000"}})) == 1);
  CHECK(quota_with(version_2("/" + std::string(1 << 16, 'd'), {})) == HUGE_VAL);
  const std::string dashes = "30 23 0:26 / - cgroup2\n - \n- cgroup2 x y\n30 - cgroup2\n";
  CHECK(quota_with({{"/proc/self/cgroup", "0::/\n:::\n::\n4:cpu\n"},
                    {"/proc/self/mountinfo", dashes}}) == HUGE_VAL);

  // A FIFO, which would keep a reader waiting, and a directory.
  char name[] = "/tmp/cgroup_test.XXXXXX";
  CHECK(mkdtemp(name) != nullptr);
  const fs::path root = name;
  fs::create_directories(root / "proc/self/mountinfo");
  CHECK(mkfifo((root / "proc/self/cgroup").c_str(), 0600) == 0);
  CHECK(lnrnn::cpu::cpu_quota(root) == HUGE_VAL);
  fs::remove_all(root);
}

int main() {
  RUN(test_version_2());
  RUN(test_version_1());
  RUN(test_nonsense());
  using lnrnn::cpu::threads_of_quota;
  CHECK(threads_of_quota(0.1) == 1 && threads_of_quota(1) == 1 && threads_of_quota(1.5) == 1);
  CHECK(threads_of_quota(2) == 2 && threads_of_quota(2.99) == 2);
  CHECK(threads_of_quota(HUGE_VAL) == INT_MAX && threads_of_quota(1e300) == INT_MAX);
  CHECK(lnrnn::cpu::cpu_quota("") > 0);
  return check::summary();
}
