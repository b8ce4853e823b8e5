// The dynamic shared memory of one resident block: its end lies against a page that cannot be
// accessed, and each block finds it filled with NaN.
#pragma once

#include <cstddef>

namespace lnrnn::emulator {

constexpr size_t kSharedLimit = 227 * 1024;  // of a block
constexpr size_t kSharedOfMultiprocessor = 228 * 1024;
constexpr size_t kSharedReserved = 1024;  // of it, for each block

class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // For a new block; false if there is no memory.
  bool open(size_t bytes);
  // The block has ended but others of its cluster run: theirs is an error.
  void close();

  unsigned char* begin() const { return begin_; }
  bool contains(const void* address) const;

 private:
  unsigned char* map_ = nullptr;
  unsigned char* begin_ = nullptr;
  bool closed_ = false;
};

}  // namespace lnrnn::emulator
