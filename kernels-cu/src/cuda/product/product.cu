// Which kernel computes a product.
#include "product.cuh"

#include "cuda/machine/cublas.h"
#include "product_by_mma.cuh"
#include "product_by_tiles.cuh"
#include "product_of_few_columns.cuh"
#include "product_of_few_rows.cuh"
#include "product_of_step.cuh"

namespace lnrnn::cuda {

namespace {

constexpr int64_t kFewRows = 8;
// Doubles of a larger tile would not fit the registers.
template <class S>
constexpr int kSequenceTile = sizeof(S) == 8 ? 32 : 64;

template <Depth kA, Depth kB, class S, class O>
lnrnnStatus_t launch_tiles(const CudaStream& stream, const Product<S, O>& p) {
  constexpr int kTile = kSequenceTile<S>;
  const int64_t blocks = OutTile<kTile, kTile>::count(p.rows, p.columns);
  if constexpr (std::is_same_v<S, accumulation_t<S>>) {
    using Kernel = ProductByTiles<S, kA, kB, kTile>;
    return launch(stream, {blocks, Kernel::kMaxThreads, sizeof(typename Kernel::Shared)},
                  Kernel{p});
  } else {
    using Kernel = ProductByMma<S, O, kA, kB, kTile>;
    return launch(stream, {blocks, Kernel::kMaxThreads, sizeof(typename Kernel::Shared)},
                  Kernel{p});
  }
}

template <class Kernel, class S>
lnrnnStatus_t launch_tiles_of_step(const CudaStream& stream, const Product<S>& p, int64_t blocks) {
  return launch(stream, {blocks, Kernel::kMaxThreads, sizeof(typename Kernel::Shared)}, Kernel{p});
}

template <int kRows, class S>
lnrnnStatus_t launch_few_rows(const CudaStream& stream, const Product<S>& p) {
  const int64_t blocks = tiles_of(p.columns, kFewRowsTile);
  return p.segments.count > 1
             ? launch_tiles_of_step<ProductOfFewRows<S, kRows, true>>(stream, p, blocks)
             : launch_tiles_of_step<ProductOfFewRows<S, kRows, false>>(stream, p, blocks);
}

// What a block computes of a step's product: as much as leaves a block for most multiprocessors of a
// large GPU, so that each operand is read by few.
struct StepTile {
  int rows, columns;

  static StepTile of(int64_t rows, int64_t columns) {
    constexpr int64_t kEnoughBlocks = 96;
    const int tall = rows > 16 ? 32 : 16;
    for (const int wide : {64, 32}) {
      if (tiles_of(rows, tall) * tiles_of(columns, wide) >= kEnoughBlocks) return {tall, wide};
    }
    return {tiles_of(rows, tall) * tiles_of(columns, 16) < kEnoughBlocks / 2 ? 16 : tall, 16};
  }
};

template <int kRows, int kAcross, class S>
lnrnnStatus_t launch_step(const CudaStream& stream, const Product<S>& p) {
  using Whole = ProductOfStep<S, kRows, kAcross, false>;
  using OfSegments = ProductOfStep<S, kRows, kAcross, true>;
  const int64_t blocks = Whole::Tile::count(p.rows, p.columns);
  return p.segments.count > 1 ? launch_tiles_of_step<OfSegments>(stream, p, blocks)
                              : launch_tiles_of_step<Whole>(stream, p, blocks);
}

template <int kRows, class S>
lnrnnStatus_t launch_step(const CudaStream& stream, const Product<S>& p, int columns) {
  if (columns == 64) return launch_step<kRows, 4>(stream, p);
  if (columns == 32) return launch_step<kRows, 2>(stream, p);
  return launch_step<kRows, 1>(stream, p);
}

// Threads: elements, grid-strided.
//   out (rows,columns) (+)= partial (rows,columns)
template <class T>
struct AddPartial {
  static constexpr const char* kName = "add_partial";
  static constexpr int kMaxThreads = 256;

  int64_t rows, columns;
  const T* partial;
  T* out;
  int64_t out_stride;
  bool add;

  LNRNN_DEVICE void operator()(Block& block) const {
    each_element(block, rows * columns, [this](int64_t i) {
      T& to = out[i / columns * out_stride + i % columns];
      to = add ? to + partial[i] : partial[i];
    });
  }
};

// Call by call of cuBLAS, whose sums over samples are as long as it is asked for.
template <class S, class O>
lnrnnStatus_t multiply_samples(const CudaStream& stream, const Gemm<S, O>& whole, O* partial) {
  Gemm<S, O> gemm = whole;
  if (whole.depth > kSamplesOfCalls<S>) {
    gemm.out = partial;
    gemm.out_stride = whole.columns;
  }
  for (int64_t from = 0; from < whole.depth; from += kSamplesOfCall<S>) {
    const int64_t left = whole.depth - from;
    gemm.depth = left < kSamplesOfCall<S> ? left : kSamplesOfCall<S>;
    gemm.a = whole.a + from * whole.a_stride;
    gemm.b = whole.b + from * whole.b_stride;
    const bool first = from % kSamplesOfCalls<S> == 0;
    gemm.add = !first || (whole.add && gemm.out == whole.out);
    LNRNN_FORWARD(stream.cublas->multiply(stream, gemm));
    const int64_t done = from + gemm.depth;
    if (gemm.out == whole.out || (done < whole.depth && done % kSamplesOfCalls<S> != 0)) continue;
    const AddPartial<O> add{whole.rows, whole.columns,    partial,
                            whole.out,  whole.out_stride, whole.add || done > kSamplesOfCalls<S>};
    LNRNN_FORWARD(launch(stream, elements_shape<AddPartial<O>>(whole.rows * whole.columns), add));
  }
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace

bool has_few_rows(int64_t rows) { return rows <= kFewRows; }
bool has_few_columns(int64_t columns) { return columns <= kFewColumns; }

SquareSumSlots SquareSumSlots::of(int64_t rows, const Segments& segments, int64_t gate_width) {
  int gates = 0;
  for (int s = 0; s < segments.count; ++s) gates += segments.gates[s];
  const int64_t columns = gates * gate_width;
  const int tile = has_few_rows(rows) ? kFewRowsTile : StepTile::of(rows, columns).columns;
  SquareSumSlots slots{tiles_of(columns, tile) + segments.count - 1, {}, {}};
  int64_t begin = 0;
  for (int s = 0; s < segments.count; ++s) {
    const int64_t end = begin + segments.gates[s] * gate_width;
    slots.begin[s] = static_cast<int>(begin / tile) + s;
    slots.end[s] = static_cast<int>(tiles_of(end, tile)) + s;
    begin = end;
  }
  return slots;
}

template <class S>
lnrnnStatus_t multiply_step(const CudaStream& stream, const Product<S>& p) {
  if (p.rows == 0) return LNRNN_STATUS_SUCCESS;
  if (p.rows == 1) return launch_few_rows<1>(stream, p);
  if (p.rows <= 2) return launch_few_rows<2>(stream, p);
  if (p.rows <= 4) return launch_few_rows<4>(stream, p);
  if (has_few_rows(p.rows)) return launch_few_rows<kFewRows>(stream, p);
  const StepTile tile = StepTile::of(p.rows, p.columns);
  return tile.rows == 32 ? launch_step<32>(stream, p, tile.columns)
                         : launch_step<16>(stream, p, tile.columns);
}

template <Depth kA, Depth kB, class S, class O>
lnrnnStatus_t multiply_sequence(const CudaStream& stream, const Product<S, O>& product) {
  if constexpr (kA == Depth::kFeatures && kB == Depth::kSamples &&
                !std::is_same_v<S, accumulation_t<S>>) {
    if (product.exact_a != nullptr && has_few_columns(product.columns)) {
      using Kernel = ProductOfFewColumns<S>;
      return launch(stream, {tiles_of(product.rows, Kernel::kWarps), Kernel::kMaxThreads},
                    Kernel{product});
    }
  }
  Product<S, O> p = product;
  p.a = p.a.simplified();
  p.b = p.b.simplified();
  p.out = p.out.simplified();
  if (stream.cublas != nullptr && p.a.is_matrix() && p.b.is_matrix() && p.out.is_matrix()) {
    const Gemm<S, O> gemm{kA == Depth::kSamples,
                          kB == Depth::kFeatures,
                          p.rows,
                          p.columns,
                          p.depth,
                          p.a.base,
                          p.a.row_stride,
                          p.b.base,
                          p.b.row_stride,
                          p.out.base,
                          p.out.row_stride,
                          p.add};
    if (gemm.fits()) {
      if constexpr (kA == Depth::kSamples && kB == Depth::kSamples) {
        return multiply_samples(stream, gemm, p.partial);
      } else {
        return stream.cublas->multiply(stream, gemm);
      }
    }
  }
  return launch_tiles<kA, kB>(stream, p);
}

#define LNRNN_INSTANTIATE_SEQUENCE(kA, kB, S, O) \
  template lnrnnStatus_t multiply_sequence<Depth::kA, Depth::kB>(const CudaStream&, \
                                                                 const Product<S, O>&);
#define LNRNN_INSTANTIATE(S) \
  template lnrnnStatus_t multiply_step(const CudaStream&, const Product<S>&); \
  LNRNN_INSTANTIATE_SEQUENCE(kFeatures, kFeatures, S, accumulation_t<S>) \
  LNRNN_INSTANTIATE_SEQUENCE(kFeatures, kSamples, S, S) \
  LNRNN_INSTANTIATE_SEQUENCE(kSamples, kSamples, S, accumulation_t<S>)
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE
#undef LNRNN_INSTANTIATE_SEQUENCE

}  // namespace lnrnn::cuda
