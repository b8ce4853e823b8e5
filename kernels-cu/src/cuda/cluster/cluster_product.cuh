// A step's product with recurrent weights that the blocks of a cluster keep in registers: each block those
// of its own units, all gates. Numbers of 16 bits, on the tensor cores.
//
// A fragment of mma has 8 rows of the batch as its columns and two times 8 weights as its rows. A sum may
// take its terms in any order, so a lane's pairs of one instruction are those that it loads together, not
// those that PTX names: see TensorStepSums. Lane 4 g + p loads, of a row g, the terms 8 p to 8 p + 7 of 32.
#pragma once

#include "cluster.cuh"

namespace lnrnn::cuda {

constexpr int kChunk = 32;    // terms of a sum that a lane's Words belong to
constexpr int kFragment = 8;  // weights in half a fragment
constexpr int kChunkWords = kChunk * 2 / static_cast<int>(sizeof(Words));

// Rows of the batch, kLength numbers each. They lie such that what 8 lanes load at once lies in different
// banks.
template <class S, int kLength>
struct ClusterOperand {
  static constexpr int kWords = kLength / kPack<S>;
  static constexpr int kLine = kWords + (kWords % 8 == 0 ? 4 : 0);
  Array<Words, kClusterRows * kLine> words;

  LNRNN_DEVICE Words& at(int row, int word) { return words[row * kLine + word]; }
  LNRNN_DEVICE void put(int row, int i, S number) {
    memcpy(reinterpret_cast<S*>(&at(row, i / kPack<S>)) + i % kPack<S>, &number, sizeof number);
  }
};

// Half a chunk. above, below: what a lane loaded of the weights in the two halves of a fragment.
template <class S>
LNRNN_DEVICE void multiply_half(const Block& block, int half, const Words& above,
                                const Words& below, const Words& operand, float (&sums)[4]) {
  const int at = 2 * half;
  const uint32_t a[4] = {above.word[at], below.word[at], above.word[at + 1], below.word[at + 1]};
  const uint32_t b[2] = {operand.word[at], operand.word[at + 1]};
  block.template mma<kMmaType<S>>(sums, a, b);
}

// h R' of the block's units; h comes from all blocks. Warps stand 4 x 2 over units and depth.
// kChunks: chunks that a warp takes at most.
template <class S, int kGates, int kChunks>
class ClusterProduct {
  static constexpr int kDeep = 2;
  static constexpr int kTiles =
      (kGates + 1) / 2;  // of two gates; the last one's second may be missing
  static constexpr int kLine =
      kClusterUnits + 4;  // so that stores of a warp lie in different banks
  static constexpr int kSums = kGates * kClusterRows * kLine;
  static constexpr int kPairs = kClusterUnits / 2;
  using Operand = ClusterOperand<S, kDeep * kChunks * kChunk>;

 public:
  struct Shared {
    Operand h;
    Array<float, kDeep * kSums> sums;  // (deep, gate, row, unit)
    // What the blocks say of h, of steps in turn: (step % 2, row, rank, pair of units)
    Array<Tagged, 2 * kClusterRows * kDeep * kChunks * kPairs> inbox;
  };

  // hh:(GH,H). Once for all blocks at the same time, before they tell each other anything.
  LNRNN_DEVICE void start(const Block& block, const ClusterPlace& at, Shared& shared,
                          int64_t hidden, const S* hh) {
    const int64_t unit =
        at.rank * kClusterUnits + block.warp() / kDeep * kFragment + block.lane() / 4;
    LNRNN_UNROLL
    for (int i = 0; i < kChunks; ++i) {
      LNRNN_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        weights_[i][gate] = Words{};
        if (chunk(block, i) >= at.ranks) continue;
        weights_[i][gate] = load_words(hh + (gate * hidden + unit) * hidden +
                                       chunk(block, i) * kChunk + block.lane() % 4 * kPack<S>);
      }
    }
    for (int i = block.thread(); i < static_cast<int>(sizeof shared.inbox / sizeof(Tagged));
         i += block.threads()) {
      shared.inbox[i] = {0, 0};
    }
    block.sync_cluster();
  }

  // h of the thread's unit and row before a step, to all blocks for that step's product.
  LNRNN_DEVICE void publish(const Block& block, const ClusterPlace& at, Shared& shared,
                            int64_t step, S h) const {
    const uint32_t own = h.bits,
                   other = block.shuffle_xor(own, 1);  // even lanes have both in order
    const int pair = block.lane() % kPairs;
    const uint32_t word = block.shuffle(own | other << 16, 2 * pair);
    for (int to = block.lane() / kPairs; to < at.ranks; to += kWarp / kPairs) {
      block.store_tagged(&shared.inbox[first_pair(at, step) + at.rank * kPairs + pair], to,
                         {word, round_of(step)});
    }
  }

  // r of the thread's unit and row.
  LNRNN_DEVICE void multiply(const Block& block, const ClusterPlace& at, Shared& shared,
                             int64_t step, float (&r)[kGates]) const {
    const int group = block.lane() / 4, pair = block.lane() % 4, deep = block.warp() % kDeep;
    receive(block, at, shared, step);
    block.sync();
    float sums[2][kTiles][4] = {};  // two of each, to be added up, wait less for each other
    LNRNN_UNROLL
    for (int i = 0; i < kChunks; ++i) {
      const Words operand = shared.h.at(group, chunk(block, i) * kChunkWords + pair);
      LNRNN_UNROLL
      for (int half = 0; half < 2; ++half) {
        LNRNN_UNROLL
        for (int tile = 0; tile < kTiles; ++tile) {
          const bool both = 2 * tile + 1 < kGates;
          multiply_half<S>(block, half, weights_[i][2 * tile],
                           both ? weights_[i][(2 * tile + 1) % kGates] : Words{}, operand,
                           sums[half][tile]);
        }
      }
    }
    const int unit = block.warp() / kDeep * kFragment + group;
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      LNRNN_UNROLL
      for (int e = 0; e < 2; ++e) {
        const int of_tile = gate % 2 * 2 + e;
        shared.sums[deep * kSums + (gate * kClusterRows + 2 * pair + e) * kLine + unit] =
            sums[0][gate / 2][of_tile] + sums[1][gate / 2][of_tile];
      }
    }
    block.sync();
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const int from = (gate * kClusterRows + at.row) * kLine + at.unit;
      r[gate] = shared.sums[from] + shared.sums[kSums + from];
    }
  }

 private:
  // Chunk i of a warp; there are as many as blocks.
  LNRNN_DEVICE static int chunk(const Block& block, int i) {
    return block.warp() % kDeep + i * kDeep;
  }
  // Of the thread's row in the inbox.
  LNRNN_DEVICE static int first_pair(const ClusterPlace& at, int64_t step) {
    return (static_cast<int>(step % 2) * kClusterRows + at.row) * kDeep * kChunks * kPairs;
  }

  // The row's h of all blocks. Where there are less than 2 kChunks, the rest is zeros, as the weights are.
  LNRNN_DEVICE void receive(const Block& block, const ClusterPlace& at, Shared& shared,
                            int64_t step) const {
    constexpr int kMost = kDeep * kChunks * kPairs / kWarp;
    const int left = at.ranks * kPairs - block.lane(), count = (left + kWarp - 1) / kWarp;
    uint32_t pairs[kMost];
    await(block, &shared.inbox[first_pair(at, step) + block.lane()], kWarp, count, round_of(step),
          pairs);
    LNRNN_UNROLL
    for (int i = 0; i < kMost; ++i) {
      const int pair = block.lane() + i * kWarp;
      shared.h.at(at.row, pair / 4).word[pair % 4] = pairs[i];
    }
  }

  Words weights_[kChunks][kGates];
};

// dr R'. A block has dr of its own units only, a part of the depth. So each block multiplies that for all
// units, and the parts meet where a unit is at home: the order in which they are added is the blocks'.
// kTiles: times 16 units of the outputs that a warp takes at most.
template <class S, int kGates, int kTiles>
class ClusterProductBack {
  static constexpr int kTile = 2 * kFragment;
  static constexpr int kTilesOfBlock = kClusterUnits / kTile;
  static constexpr int kMostBlocks = kTiles * kClusterRows / kTilesOfBlock;
  static constexpr int kPart = kTilesOfBlock * kWarp;  // Words that a block has for another

 public:
  struct Shared {
    Array<ClusterOperand<S, kGates * kClusterUnits>, 2> dr;  // gate by gate, of steps in turn
    // For the block's units, of steps in turn: (step % 2, source, tile, lane), see quad
    Array<Words, 2 * kMostBlocks * kPart> parts;
    Arrivals of_parts[2];
  };

  // hh:(H,GH). Once for all blocks at the same time, before they tell each other anything.
  LNRNN_DEVICE void start(const Block& block, const ClusterPlace& at, Shared& shared,
                          int64_t hidden, const S* hh) {
    if (block.thread() == 0) {
      for (Arrivals& arrivals : shared.of_parts) {
        block.open_arrivals(arrivals);
        block.expect_arrivals(arrivals, bytes_of_parts(at));
      }
    }
    LNRNN_UNROLL
    for (int i = 0; i < kTiles; ++i) {
      LNRNN_UNROLL
      for (int gate = 0; gate < kGates; ++gate) {
        LNRNN_UNROLL
        for (int half = 0; half < 2; ++half) {
          weights_[i][gate][half] = Words{};
          if (tile(block, i) >= at.ranks * kTilesOfBlock) continue;
          const int64_t output = tile(block, i) * kTile + half * kFragment + block.lane() / 4;
          weights_[i][gate][half] =
              load_words(hh + (output * kGates + gate) * hidden + at.rank * kClusterUnits +
                         block.lane() % 4 * kPack<S>);
        }
      }
    }
    block.sync_cluster();
  }

  // dr of the thread's unit and row; then the sum over all blocks.
  LNRNN_DEVICE void put(const ClusterPlace& at, Shared& shared, int64_t step, int gate,
                        S dr) const {
    shared.dr[step % 2].put(at.row, gate * kClusterUnits + at.unit, dr);
  }
  LNRNN_DEVICE float multiply(const Block& block, const ClusterPlace& at, Shared& shared,
                              int64_t step) const {
    const int group = block.lane() / 4, pair = block.lane() % 4;
    block.sync();
    float sums[kTiles][4] = {};
    LNRNN_UNROLL
    for (int gate = 0; gate < kGates; ++gate) {
      const Words operand = shared.dr[step % 2].at(group, gate * kChunkWords + pair);
      LNRNN_UNROLL
      for (int half = 0; half < 2; ++half) {
        LNRNN_UNROLL
        for (int i = 0; i < kTiles; ++i) {
          multiply_half<S>(block, half, weights_[i][gate][0], weights_[i][gate][1], operand,
                           sums[i]);
        }
      }
    }
    Arrivals& arrivals = shared.of_parts[step % 2];
    const int turn = static_cast<int>(step % 2) * kMostBlocks * kPart;
    LNRNN_UNROLL
    for (int i = 0; i < kTiles; ++i) {
      const int home = tile(block, i) / kTilesOfBlock, in_home = tile(block, i) % kTilesOfBlock;
      if (home >= at.ranks) continue;
      Words part;
      LNRNN_UNROLL
      for (int e = 0; e < 4; ++e) part.word[e] = float_bits(sums[i][e]);
      block.store_arriving(
          shared.parts[turn + at.rank * kPart + in_home * kWarp + quad(group, pair)], home, part,
          arrivals);
    }
    const uint32_t round = static_cast<uint32_t>(step / 2);
    while (block.ballot(!block.arrived(arrivals, round)) != 0) {
    }
    if (block.thread() == 0) block.expect_arrivals(arrivals, bytes_of_parts(at));
    const int from = turn + at.unit / kTile * kWarp + quad(at.unit % kFragment, at.row / 2);
    const int word = at.unit % kTile / kFragment * 2 + at.row % 2;
    float all = 0;
    LNRNN_UNROLL
    for (int source = 0; source < kMostBlocks; ++source) {
      if (source < at.ranks) all += float_of_bits(shared.parts[from + source * kPart].word[word]);
    }
    return all;
  }

 private:
  LNRNN_DEVICE static uint32_t bytes_of_parts(const ClusterPlace& at) {
    return static_cast<uint32_t>(at.ranks * kPart * static_cast<int>(sizeof(Words)));
  }
  // Where a lane's results of a tile are: of its units g and g + 8 two rows each. In such an order that a
  // row's units lie in different banks, two to each.
  LNRNN_DEVICE static int quad(int group, int pair) { return 4 * group + (pair ^ (group / 2)); }
  // Tile i of a warp, of the outputs' tiles.
  LNRNN_DEVICE static int tile(const Block& block, int i) {
    return block.warp() + i * kClusterRows;
  }

  Words weights_[kTiles][kGates][2];
};

}  // namespace lnrnn::cuda
