// Whether and how a strand's passes run in clusters.
#pragma once

#include "backward_cluster.cuh"
#include "forward_cluster.cuh"

namespace lnrnn::cuda {

// Of a cell with a recurrent matrix, over such a batch. Blocks tell each other h, not what it is a product of.
template <class S>
bool runs_in_clusters(const Context& context, const Strand& strand, int64_t batch) {
  // Clusters that find no room wait for others to take all their steps. A step takes less than a third of
  // the time that it takes with kernels of its own.
  constexpr int64_t kMostTurns = 3;
  const int64_t width = strand.cell_width(), blocks = width / kClusterUnits;
  if (kExactOperands<S> || !strand.shape().recurrent_matrix || strand.shape().projected ||
      width % kClusterUnits != 0 || blocks > kMostClusterBlocks) {
    return false;
  }
  return tiles_of(batch, kClusterRows) <= kMostTurns * context.resident_clusters(blocks);
}

// Kernel, for Cell and S, with a call for it, in the least of its sizes that is enough for the blocks: kShare
// is as many tiles as a warp of ClusterProductBack takes, half the chunks that one of ClusterProduct does.
template <template <class, class, int> class Kernel, class Cell, class S, class Walk>
lnrnnStatus_t launch_in_clusters(const CudaStream& stream, const Walk& walk) {
  const auto launch_share = [&](auto share) {
    using Sized = Kernel<Cell, S, decltype(share)::value>;
    return launch(stream, cluster_shape<Sized>(walk.batch, walk.hidden), Sized{walk});
  };
  if (walk.hidden <= 4 * kClusterUnits) return launch_share(std::integral_constant<int, 1>{});
  if (walk.hidden <= 8 * kClusterUnits) return launch_share(std::integral_constant<int, 2>{});
  return launch_share(std::integral_constant<int, 4>{});
}

}  // namespace lnrnn::cuda
