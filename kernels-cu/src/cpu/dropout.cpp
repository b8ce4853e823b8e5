#include "dropout.h"

#include "masks.h"
#include "storage.h"

namespace lnrnn::cpu {

template <class S>
void drop_values(Team& team, const DropoutArguments& call) {
  using T = accumulation_t<S>;
  const Plan& plan = call.plan;
  const double p = plan.description.dropout;
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
  const Random random = drawn_from(call.random);
  const bool once = plan.has(LNRNN_PLAN_VARIATIONAL_DROPOUT);
  const uint64_t threshold = keep_threshold(p);
  const uint32_t stream =
      random_stream(RandomKind::kDropout, static_cast<uint32_t>(call.layer), 0);
  const int64_t features = plan.output();
  S* const values = static_cast<S*>(call.values);
  team.run([&](const Crew& crew) {
    const Span rows = crew.share(0, call.steps * call.batch);
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      const int64_t step = once ? 0 : i / call.batch + random.step_offset;
      const int64_t row = i % call.batch + random.row_offset;
      S* const out = values + i * features;
      for (int64_t first = 0; first < features; first += 4) {
        const Philox4 words =
            random_words(random.seed, static_cast<uint32_t>(first / 4),
                         static_cast<uint32_t>(step), static_cast<uint32_t>(row), stream);
        for (int64_t j = first; j < std::min(first + 4, features); ++j) {
          out[j] = words.word[j - first] < threshold ? narrow<S>(widen(out[j]) * scale) : S{};
        }
      }
    }
  });
}

template void drop_values<float>(Team&, const DropoutArguments&);
template void drop_values<double>(Team&, const DropoutArguments&);
template void drop_values<F16>(Team&, const DropoutArguments&);
template void drop_values<Bf16>(Team&, const DropoutArguments&);

}  // namespace lnrnn::cpu
