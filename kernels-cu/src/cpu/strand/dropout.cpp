#include "dropout.h"

#include "cpu/machine/storage.h"
#include "cpu/row/masks.h"

namespace lnrnn::cpu {

template <class S>
void drop_values(const Kernels<accumulation_t<S>>& kernels, Team& team,
                 const DropoutArguments& call) {
  using T = accumulation_t<S>;
  constexpr int64_t kPiece = 1024;
  const Plan& plan = call.plan;
  const double p = plan.description.dropout;
  const T scale = kept_scale<T>(p);
  const Random random = call.random.drawn();
  const bool once = plan.has(LNRNN_PLAN_VARIATIONAL_DROPOUT);
  const Draw draw{PhiloxKeys(random.seed), keep_threshold(p),
                  random_stream(RandomKind::kDropout, static_cast<uint32_t>(call.layer), 0)};
  const int64_t features = plan.output();
  const uint8_t* const given = call.mask;
  S* const values = static_cast<S*>(call.values);
  team.run([&](const Crew& crew) {
    const Span rows = crew.share(0, call.steps * call.batch);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      const int64_t step = once ? 0 : i / call.batch + random.step_offset;
      const int64_t row = i % call.batch + random.row_offset;
      for (int64_t first = 0; first < features; first += kPiece) {
        uint8_t drawn[kPiece];
        const int64_t count = std::min(kPiece, features - first);
        const uint8_t* keeps = drawn;
        if (given != nullptr) {
          keeps = given + (once ? i % call.batch : i) * features + first;
        } else {
          kernels.draw(draw,
                       {static_cast<uint32_t>(step), 1, static_cast<uint32_t>(row), first, count},
                       drawn);
        }
        S* const out = values + i * features + first;
        for (int64_t j = 0; j < count; ++j) {
          out[j] = keeps[j] != 0 ? narrow<S>(widen(out[j]) * scale) : S{};
        }
      }
    }
  });
}

void draw_mask(const Kernels<float>& kernels, Team& team, const MaskArguments& call) {
  const MaskShape& shape = call.shape;
  const Random random = call.random.drawn();
  const int64_t first_step = shape.counts_steps ? random.step_offset : 0;
  const int64_t first_row = shape.counts_rows ? random.row_offset : 0;
  const Draw draw{PhiloxKeys(random.seed), keep_threshold(shape.probability), call.stream};
  team.run([&](const Crew& crew) {
    const Span rows = crew.share(0, shape.steps * shape.batch);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      kernels.draw(draw,
                   {static_cast<uint32_t>(i / shape.batch + first_step), 1,
                    static_cast<uint32_t>(i % shape.batch + first_row), 0, shape.width},
                   call.mask + i * shape.width);
    }
  });
}

#define LNRNN_INSTANTIATE(S) \
  template void drop_values<S>(const Kernels<accumulation_t<S>>&, Team&, const DropoutArguments&);
LNRNN_INSTANTIATE(float)
LNRNN_INSTANTIATE(double)
LNRNN_INSTANTIATE(F16)
LNRNN_INSTANTIATE(Bf16)
#undef LNRNN_INSTANTIATE

}  // namespace lnrnn::cpu
