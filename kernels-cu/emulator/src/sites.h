// Barrier sites: places in kernels where lanes wait for each other, named "file:line". A test can
// disable one; those that were reached are recorded.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "emulated_lane.h"

namespace lnrnn::emulator {

using cuda::emulated::Site;

// Records that the site was reached; whether it is disabled.
bool reach_site(Site site);
// The file's name without its folders.
const char* base_name(const char* file);

void set_skipped_site(const std::string& name);
std::vector<std::string> reached_sites();

// The answers of reach_site during one launch, without its lock.
class SiteCache {
 public:
  void clear() { entries_.fill({}); }
  bool skipped(Site site) {
    const size_t hash = reinterpret_cast<uintptr_t>(site.file) ^ static_cast<size_t>(site.line);
    Entry& entry = entries_[hash % entries_.size()];
    if (entry.site.file != site.file || entry.site.line != site.line)
      entry = {site, reach_site(site)};
    return entry.skipped;
  }

 private:
  struct Entry {
    Site site{nullptr, 0};
    bool skipped = false;
  };
  std::array<Entry, 64> entries_{};
};

}  // namespace lnrnn::emulator
