// The register of barrier sites, shared by all streams.
#include "sites.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

namespace lnrnn::emulator {

namespace {

struct Register {
  std::mutex mutex;
  std::set<std::string> reached;
  std::string skipped;
  std::string file;  // to which names are appended
  Register() {
    if (const char* value = std::getenv("LNRNN_EMULATOR_SKIP_SITE")) skipped = value;
    if (const char* value = std::getenv("LNRNN_EMULATOR_SITES")) file = value;
  }
};

Register& the_register() {
  static Register& sites = *new Register;  // never destroyed: threads may outlive static objects
  return sites;
}

void append(const std::string& file, const std::string& name) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return;
  const std::string line = name + "\n";
  // One write, so that the lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = write(descriptor, line.data(), line.size());
  close(descriptor);
}

}  // namespace

const char* base_name(const char* file) {
  const char* slash = std::strrchr(file, '/');
  return slash != nullptr ? slash + 1 : file;
}

bool reach_site(Site site) {
  const std::string name = std::string(base_name(site.file)) + ':' + std::to_string(site.line);
  Register& sites = the_register();
  const std::lock_guard<std::mutex> lock(sites.mutex);
  if (sites.reached.insert(name).second && !sites.file.empty()) append(sites.file, name);
  return name == sites.skipped;
}

void set_skipped_site(const std::string& name) {
  const std::lock_guard<std::mutex> lock(the_register().mutex);
  the_register().skipped = name;
}

std::vector<std::string> reached_sites() {
  const std::lock_guard<std::mutex> lock(the_register().mutex);
  return {the_register().reached.begin(), the_register().reached.end()};
}

}  // namespace lnrnn::emulator
