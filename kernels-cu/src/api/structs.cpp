#include "structs.h"

namespace lnrnn {

// No version is larger; what is, is not the size of a struct.
static constexpr size_t kMostBytes = 64 * 1024;

lnrnnStatus_t check_struct_size(const char* function, const char* name, size_t size,
                                const StructForm& form) {
  LNRNN_CHECK(size >= form.least && size <= kMostBytes && size % sizeof(size_t) == 0,
              LNRNN_STATUS_INVALID_ARGUMENT,
              "%s: %s->structSize is %zu, not the struct's size: a multiple of %zu in %zu...%zu",
              function, name, size, sizeof(size_t), form.least, kMostBytes);
  for (const Extent& array : form.arrays) {
    LNRNN_CHECK(
        size <= array.begin || size >= array.end, LNRNN_STATUS_INVALID_ARGUMENT,
        "%s: %s->structSize is %zu, not the struct's size: it ends inside the array at bytes "
        "%zu...%zu",
        function, name, size, array.begin, array.end);
  }
  return LNRNN_STATUS_SUCCESS;
}

lnrnnStatus_t check_unknown_fields(const char* function, const char* name, const void* from,
                                   size_t known, size_t size) {
  const char* const bytes = static_cast<const char*>(from);
  for (size_t i = known; i < size; ++i) {
    LNRNN_CHECK(bytes[i] == 0, LNRNN_STATUS_INVALID_ARGUMENT,
                "%s: %s->structSize is %zu, and byte %zu is 0x%x: this library knows only the "
                "first %zu bytes, and expects 0 behind them",
                function, name, size, i,
                static_cast<unsigned>(static_cast<unsigned char>(bytes[i])), known);
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn
