// Preparing parameters, once per pass or once per packing.
#include "cuda/machine/reduce.cuh"
#include "forward_layout.h"
#include "passes.h"

namespace lnrnn::cuda {

namespace {

// Threads: elements, grid-strided.
//   to:(count) = the sum of as many of from as there are
template <class S>
struct GatherVectors {
  static constexpr const char* kName = "gather_vectors";
  static constexpr int kMaxThreads = 256;
  using T = accumulation_t<S>;

  struct Entry {
    const S* from[PlanVector::kMostAddends];
    T* to;
    int64_t count;
  };
  int count;
  Entry entries[kSlots];

  LNRNN_DEVICE void operator()(Block& block) const {
    for (int k = 0; k < count; ++k) {
      const Entry& entry = entries[k];
      each_element(block, entry.count, [&](int64_t i) {
        T sum(0);
        for (const S* const from : entry.from) {
          if (from != nullptr) sum += to_accumulation(from[i]);
        }
        entry.to[i] = sum;
      });
    }
  }
};

// Column means want accuracy where they are large beside the deviations: the mean of what the first
// mean leaves over is subtracted as well. Blocks: kColumns columns each, few, so that there are enough
// blocks; a thread takes every kRows-th row of one.
//   from:(rows,columns)  to:(rows,columns) or (columns,rows), with to_stride
template <class S>
struct PrepareWeights {
  static constexpr const char* kName = "prepare_weights";
  static constexpr int kMaxThreads = 1024;
  static constexpr int kColumns = 8, kRows = kMaxThreads / kColumns;
  static constexpr int kWarps = kMaxThreads / kWarp;
  static constexpr int kPitch = kColumns + 1;  // spreads a column of the tile over the banks
  using T = accumulation_t<S>;
  struct Shared {
    Array<T, kWarps * kColumns> sums[2];
    Array<S, kRows * kPitch> tile;
  };

  int64_t rows, columns;
  const S* from;
  KeptWeights kept;
  T scale;
  bool centred, transposed;
  S* to;
  int64_t to_stride;

  LNRNN_DEVICE void operator()(Block& block) const {
    auto& shared = block.template shared<Shared>();
    const int64_t column = block.index() * kColumns + block.thread() % kColumns;
    T mean(0), rest(0);
    if (centred) {
      mean = column_mean(block, shared.sums[0], column, T(0));
      rest = column_mean(block, shared.sums[1], column, mean);
    }
    if (!transposed) {
      each_weight(block, column, [&](int64_t row, T weight) {
        to[row * to_stride + column] = to_storage<S>((weight - mean) - rest);
      });
      return;
    }
    // By tiles, so that consecutive threads write consecutive addresses, too.
    const int in_tile = block.thread() / kColumns, turned_in_tile = block.thread() % kRows;
    const int turned_column = block.thread() / kRows;
    const int64_t turned = block.index() * kColumns + turned_column;
    for (int64_t first = 0; first < rows; first += kRows) {
      const int64_t row = first + in_tile, turned_row = first + turned_in_tile;
      if (row < rows && column < columns) {
        const T value = weight(row, column, from[row * columns + column]);
        shared.tile[in_tile * kPitch + block.thread() % kColumns] =
            to_storage<S>((value - mean) - rest);
      }
      block.sync();
      if (turned_row < rows && turned < columns) {
        to[turned * to_stride + turned_row] = shared.tile[turned_in_tile * kPitch + turned_column];
      }
      block.sync();
    }
  }

 private:
  LNRNN_DEVICE T weight(int64_t row, int64_t column, S stored) const {
    const T value = to_accumulation(stored);
    if (kept.bits == nullptr) return value;
    return kept.keeps(row, column) ? value * scale : T(0);
  }

  // Those of a column that are the thread's, several on their way at once.
  template <class F>
  LNRNN_DEVICE void each_weight(const Block& block, int64_t column, const F& use) const {
    constexpr int kAtOnce = sizeof(S) == 8 ? 4 : 8;  // as many as there are registers for
    if (column >= columns) return;
    for (int64_t first = block.thread() / kColumns; first < rows; first += kRows * kAtOnce) {
      S stored[kAtOnce] = {};
      LNRNN_UNROLL
      for (int i = 0; i < kAtOnce; ++i) {
        const int64_t row = first + i * kRows;
        if (row < rows) stored[i] = from[row * columns + column];
      }
      LNRNN_UNROLL
      for (int i = 0; i < kAtOnce; ++i) {
        const int64_t row = first + i * kRows;
        if (row < rows) use(row, weight(row, column, stored[i]));
      }
    }
  }

  LNRNN_DEVICE T column_mean(Block& block, Array<T, kWarps * kColumns>& sums, int64_t column,
                             T shift) const {
    T sum(0);
    each_weight(block, column, [&](int64_t, T weight) { sum += weight - shift; });
    for (int mask = kColumns; mask < kWarp; mask *= 2) sum += block.shuffle_xor(sum, mask);
    const int of_warp = block.thread() % kColumns;
    if (block.lane() < kColumns) sums[block.warp() * kColumns + of_warp] = sum;
    block.sync();
    T total(0);
    for (int w = 0; w < kWarps; ++w) total += sums[w * kColumns + of_warp];
    return total / static_cast<T>(rows);
  }
};

// Threads: bytes of bits, grid-strided.
struct DecideDropConnect {
  static constexpr const char* kName = "decide_dropconnect";
  static constexpr int kMaxThreads = 256;

  int64_t bytes;
  Mask mask;
  KeptWeights kept;

  LNRNN_DEVICE void operator()(Block& block) const {
    const Mask drawn = mask.drawn();
    each_element(block, bytes, [&](int64_t i) {
      kept.bits[i] = static_cast<uint8_t>(drawn.eight(i / kept.row_bytes, i % kept.row_bytes));
    });
  }
};

// Threads: elements, grid-strided.
template <class T>
struct ApplyDropConnect {
  static constexpr const char* kName = "apply_dropconnect";
  static constexpr int kMaxThreads = 256;

  int64_t elements, columns;
  const T* from;
  KeptWeights kept;
  T scale;
  T* to;

  LNRNN_DEVICE void operator()(Block& block) const {
    each_element(block, elements, [this](int64_t i) {
      if (kept.keeps(i / columns, i % columns)) to[i] = fma(from[i], scale, to[i]);
    });
  }
};

}  // namespace

template <class S>
lnrnnStatus_t gather_vectors(const CudaStream& stream, const Strand& strand, const S* parameters,
                             const Vectors<accumulation_t<S>*>& to) {
  using Kernel = GatherVectors<S>;
  Kernel kernel{};
  each_vector(strand, [&](const PlanVector& vector) {
    auto& entry = kernel.entries[kernel.count++];
    entry.to = to[vector.slot];
    entry.count = vector.elements;
    for (int i = 0; i < vector.addends; ++i) entry.from[i] = strand.addend(vector, i, parameters);
  });
  return launch(stream, elements_shape<Kernel>(strand.gates()), kernel);
}

lnrnnStatus_t decide_dropconnect(const CudaStream& stream, const Strand& strand,
                                 const uint8_t* given, const Random& random,
                                 const KeptWeights& kept) {
  using Kernel = DecideDropConnect;
  if (kept.bits == nullptr) return LNRNN_STATUS_SUCCESS;
  const int64_t bytes = strand.gates() * kept.row_bytes;
  return launch(stream, elements_shape<Kernel>(bytes),
                Kernel{bytes, Mask::of(strand, RandomKind::kDropConnect, given, random), kept});
}

template <class S>
lnrnnStatus_t prepare_recurrent_weights(const CudaStream& stream, const Strand& strand,
                                        const S* parameters, const KeptWeights& kept,
                                        bool transposed, S* to) {
  using Kernel = PrepareWeights<S>;
  const int64_t columns = strand.output_width(), width = strand.cell_width();
  const NormSite* const site = strand.shape().site(term_of_step(strand.shape()));
  const bool centred = site != nullptr && site->centred;
  const Segments segments = centred ? site->segments : Segments::whole(strand.shape().gates);
  const S* const from = strand.find(ParameterRole::kWeightHh, parameters);
  for (int i = 0; i < segments.count; ++i) {
    const int64_t first = segments.begin(i) * width;
    LNRNN_FORWARD(launch(
        stream,
        {tiles_of(columns, Kernel::kColumns), Kernel::kMaxThreads, sizeof(typename Kernel::Shared)},
        Kernel{segments.gates[i] * width, columns, from + first * columns, kept.from_row(first),
               kept_scale<accumulation_t<S>>(strand.plan.description.dropconnect), centred,
               transposed, to + (transposed ? first : first * columns),
               transposed ? strand.gates() : columns}));
  }
  return LNRNN_STATUS_SUCCESS;
}

template <class S>
lnrnnStatus_t transpose_projection(const CudaStream& stream, const Strand& strand,
                                   const S* parameters, S* to) {
  using Kernel = PrepareWeights<S>;
  const int64_t rows = strand.output_width(), columns = strand.cell_width();
  return launch(stream,
                {tiles_of(columns, Kernel::kColumns), Kernel::kMaxThreads,
                 sizeof(typename Kernel::Shared)},
                Kernel{rows, columns, strand.find(ParameterRole::kWeightHr, parameters),
                       KeptWeights{}, accumulation_t<S>(1), false, true, to, rows});
}

template <class T>
lnrnnStatus_t apply_dropconnect(const CudaStream& stream, const Strand& strand, const T* from,
                                const KeptWeights& kept, T* to) {
  using Kernel = ApplyDropConnect<T>;
  const int64_t elements = strand.gates() * strand.output_width();
  return launch(stream, elements_shape<Kernel>(elements),
                Kernel{elements, strand.output_width(), from, kept,
                       kept_scale<T>(strand.plan.description.dropconnect), to});
}

template <class S>
uint64_t packed_bytes(const Strand& strand) {
  Carver carver;
  StrandWeights<S>::take(carver, strand);
  return carver.bytes();
}

template <class S>
lnrnnStatus_t pack_strand(const CudaStream& stream, const Strand& strand, const S* parameters,
                          void* packed) {
  Carver carver(packed);
  const auto to = StrandWeights<S>::take(carver, strand);
  const auto copy = [&](ParameterRole role, S* matrix, int64_t elements) {
    return check(stream.context,
                 cudaMemcpyAsync(matrix, strand.find(role, parameters),
                                 static_cast<size_t>(elements) * sizeof(S), cudaMemcpyDefault,
                                 stream.raw),
                 "copying weights");
  };
  LNRNN_FORWARD(copy(ParameterRole::kWeightIh, to.ih, strand.gates() * strand.input()));
  if (to.hr != nullptr) {
    LNRNN_FORWARD(
        copy(ParameterRole::kWeightHr, to.hr, strand.output_width() * strand.cell_width()));
  }
  LNRNN_FORWARD(gather_vectors(stream, strand, parameters, to.vectors));
  if (to.hh == nullptr) return LNRNN_STATUS_SUCCESS;
  return prepare_recurrent_weights(stream, strand, parameters, KeptWeights{}, false, to.hh);
}

#define LNRNN_INSTANTIATE(S) \
  template uint64_t packed_bytes<S>(const Strand&); \
  template lnrnnStatus_t pack_strand(const CudaStream&, const Strand&, const S*, void*); \
  template lnrnnStatus_t gather_vectors(const CudaStream&, const Strand&, const S*, \
                                        const Vectors<accumulation_t<S>*>&); \
  template lnrnnStatus_t prepare_recurrent_weights(const CudaStream&, const Strand&, const S*, \
                                                   const KeptWeights&, bool, S*); \
  template lnrnnStatus_t transpose_projection(const CudaStream&, const Strand&, const S*, S*);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE
template lnrnnStatus_t apply_dropconnect(const CudaStream&, const Strand&, const float*,
                                         const KeptWeights&, float*);
template lnrnnStatus_t apply_dropconnect(const CudaStream&, const Strand&, const double*,
                                         const KeptWeights&, double*);

}  // namespace lnrnn::cuda
