// Lets the library load where glibc is as old as 2.34.
//
// The statically linked C++ runtime of a newer system asks for two functions that glibc added later.
// Both are defined here, invisible outside the library, in terms of what older versions have.
#include <features.h>

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace {

struct Search {
  uintptr_t address;
  dl_find_object* found;
};

// Fills in the object that contains the address: its extent and its exception frame index.
int match(dl_phdr_info* info, size_t, void* data) {
  const Search& search = *static_cast<Search*>(data);
  bool inside = false;
  void* frames = nullptr;
  uintptr_t begin = UINTPTR_MAX, end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_GNU_EH_FRAME) frames = reinterpret_cast<void*>(start);
    if (header.p_type != PT_LOAD) continue;
    inside |= search.address >= start && search.address < start + header.p_memsz;
    begin = start < begin ? start : begin;
    end = start + header.p_memsz > end ? start + header.p_memsz : end;
  }
  if (!inside || frames == nullptr) return 0;
  std::memset(search.found, 0, sizeof *search.found);
  search.found->dlfo_map_start = reinterpret_cast<void*>(begin);
  search.found->dlfo_map_end = reinterpret_cast<void*>(end);
  search.found->dlfo_eh_frame = frames;
  return 1;
}

}  // namespace

// 2.35; how the unwinder finds the frames of a function that an exception passes.
extern "C" int _dl_find_object(void* address, dl_find_object* found) noexcept {
  Search search{reinterpret_cast<uintptr_t>(address), found};
  return dl_iterate_phdr(match, &search) == 1 ? 0 : -1;
}

#if __GLIBC_PREREQ(2, 36)
// 2.36; std::random_device, which comes with the runtime and is not used.
extern "C" uint32_t arc4random() noexcept {
  uint32_t word = 0;
  return getentropy(&word, sizeof word) == 0 ? word : 0;
}
#endif

#endif
#endif
