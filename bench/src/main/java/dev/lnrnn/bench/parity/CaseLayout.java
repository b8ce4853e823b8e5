package dev.lnrnn.bench.parity;

import dev.lnrnn.LayerSpec;
import dev.lnrnn.Parameter;
import dev.lnrnn.Plan;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.TensorInfo;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * The tensors that a case may, and must, have: what its layer says of their shapes. A tensor that has fewer elements than
 * are read would be followed by whatever memory holds.
 */
final class CaseLayout {

    private static final Set<ElementType> REALS =
            EnumSet.of(ElementType.F64, ElementType.F32, ElementType.F16, ElementType.BF16);
    private static final String MASK = "_mask";
    private static final String RESETS = "resets";

    private final String path;
    private final Map<String, long[]> required = new LinkedHashMap<>();
    private final Map<String, long[]> optional = new LinkedHashMap<>();

    /** @param path the case's, for messages */
    CaseLayout(String path, Plan plan, long steps, long batch, boolean training) {
        this.path = path;
        LayerSpec spec = plan.spec();
        long[] x = {steps, batch, spec.inputSize()};
        long[] y = {steps, batch, spec.outputSize()};
        long[] state = {spec.states(), batch, spec.outputWidth()};
        long[] cellState = {spec.states(), batch, spec.hiddenSize()};
        required.put("x", x);
        optional.put("h0", state);
        optional.put("y", y);
        optional.put("hn", state);
        optional.put("lengths", new long[] {batch});
        optional.put(RESETS, new long[] {steps, batch});
        if (training) {
            required.put("dy", y);
            required.put("dhn", state);
            optional.put("grad.x", x);
            optional.put("grad.h0", state);
            if (spec.zoneout() > 0) {
                optional.put("zoneout" + MASK, new long[] {spec.states(), steps, batch, spec.outputWidth()});
            }
        }
        if (spec.cell().carriesCell()) {
            optional.put("c0", cellState);
            optional.put("cn", cellState);
            if (training) {
                required.put("dcn", cellState);
                optional.put("grad.c0", cellState);
            }
        }
        for (Parameter parameter : plan.parameters()) {
            long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
            required.put(parameter.name(), shape);
            if (training) {
                optional.put("grad." + parameter.name(), shape);
                if (parameter.name().equals("weight_hh_l0") && spec.dropconnect() > 0) {
                    optional.put("dropconnect" + MASK, LongStream.concat(LongStream.of(spec.states()),
                            Arrays.stream(shape)).toArray());
                }
            }
        }
    }

    /** @throws BadInputException naming the tensor that is missing, unknown, or of another shape or type */
    void check(Map<String, TensorInfo> tensors) {
        for (String name : required.keySet()) {
            if (!tensors.containsKey(name)) {
                throw new BadInputException("The case " + path + " has no tensor " + name + ".");
            }
        }
        tensors.forEach((name, tensor) -> {
            long[] shape = required.getOrDefault(name, optional.get(name));
            if (shape == null) {
                throw new BadInputException("The case " + path + " has a tensor \"" + name
                        + "\", which such a case does not have.");
            }
            if (!tensor.hasShape(shape)) {
                throw new BadInputException("The case " + path + " has " + name + " with shape " + tensor.shape()
                        + "; its metadata expects " + Arrays.toString(shape) + ".");
            }
            List<ElementType> types = Arrays.stream(ElementType.values()).filter(type -> isFit(name, type)).toList();
            if (!types.contains(tensor.type())) {
                throw new BadInputException("The case " + path + " has " + name + " of type " + tensor.type()
                        + "; expected one of " + types + ".");
            }
        });
    }

    private static boolean isFit(String name, ElementType type) {
        boolean whole = !REALS.contains(type) && type.fitsLong();
        return name.equals("lengths") ? whole && type != ElementType.BOOL
                : REALS.contains(type)
                        || (name.endsWith(MASK) || name.equals(RESETS)) && whole && type.fitsDouble();
    }
}
