#include "device.h"

#include "status.h"

namespace lnrnn {

lnrnnStatus_t check_kernels(const CellShape& shape, const KernelsOf& has) {
  const auto missing = [&](const char* what) {
    return fail(LNRNN_STATUS_NOT_SUPPORTED,
                "lnrnnPlanCreate: %s has no kernels for %s, which this description asks for",
                has.backend, what);
  };
  for (int i = 0; i < shape.site_count; ++i) {
    const NormSite& site = shape.sites[i];
    if (!site.centred && !has.uncentred_norms) return missing("a layer norm that is not centred");
    if (site.of == TermKind::kSum && !has.norms_of_sums)
      return missing("a layer norm of the sum of both products");
  }
  if (shape.kind == CellKind::kJointGru && !has.joint_gru)
    return missing("a GRU whose reset gate takes the whole of n");
  if (shape.projected && !has.projections) return missing("a projection of h");
  if (shape.clipped && !has.cell_clips) return missing("a clip of the cell");
  return LNRNN_STATUS_SUCCESS;
}

}  // namespace lnrnn
