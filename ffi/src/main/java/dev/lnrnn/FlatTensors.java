package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** A plan's parameters in their flat buffer, or their gradients in theirs, and its tensors by name. */
final class FlatTensors {
    private final Plan plan;
    private final DeviceBuffer buffer;
    private final DataType type;
    private final ToLongFunction<Parameter> offset;
    private volatile @Nullable Map<String, Parameter> byName;

    private FlatTensors(Plan plan, DeviceBuffer buffer, DataType type, ToLongFunction<Parameter> offset) {
        this.plan = plan;
        this.buffer = buffer;
        this.type = type;
        this.offset = offset;
    }

    /** Made when a name is first asked for. */
    private Map<String, Parameter> byName() {
        Map<String, Parameter> known = byName;
        if (known == null) {
            known = new LinkedHashMap<>();
            for (Parameter parameter : plan.parameters()) {
                known.put(parameter.name(), parameter);
            }
            byName = known;
        }
        return known;
    }

    static FlatTensors parameters(Plan plan, DeviceBuffer buffer) {
        return new FlatTensors(plan, buffer, plan.spec().dataType(), Parameter::offsetBytes);
    }

    static FlatTensors gradients(Plan plan, DeviceBuffer buffer) {
        return new FlatTensors(plan, buffer, plan.spec().dataType().accumulation(), Parameter::gradientOffsetBytes);
    }

    DeviceBuffer buffer() {
        return buffer;
    }

    List<String> names() {
        return List.copyOf(byName().keySet());
    }

    Parameter find(String name) {
        Parameter parameter = byName().get(Objects.requireNonNull(name, "name"));
        if (parameter == null) {
            throw new IllegalArgumentException("there is no parameter \"" + name + "\", expected one of " + names());
        }
        return parameter;
    }

    float[] floats(String name) {
        HostArray.checkType(plan.spec(), DataType.F32);
        return get(name).floats();
    }

    double[] doubles(String name) {
        HostArray.checkType(plan.spec(), DataType.F64);
        return get(name).doubles();
    }

    private HostArray get(String name) {
        DeviceBuffer tensor = slice(find(name));
        HostArray values = HostArray.allocate(type, tensor.byteSize(), name);
        tensor.copyTo(values.segment());
        return values;
    }

    void set(String name, float[] values) {
        HostArray.checkType(plan.spec(), DataType.F32);
        find(name);
        HostArray array = HostArray.of(values, type);
        checkFinite(name, values, array.floats());
        set(name, array.segment());
    }

    /** A number that rounds to an infinite one is a mistake; an infinite one may be meant. */
    private void checkFinite(String name, float[] values, float[] rounded) {
        for (int i = 0; i < values.length; i++) {
            if (Float.isInfinite(rounded[i]) && !Float.isInfinite(values[i])) {
                throw new IllegalArgumentException(
                        name + " has " + values[i] + " at " + i + ", which is too large for " + type);
            }
        }
    }

    void set(String name, double[] values) {
        HostArray.checkType(plan.spec(), DataType.F64);
        set(name, MemorySegment.ofArray(values));
    }

    /** All elements, as the buffer has them. */
    void set(String name, MemorySegment values) {
        DeviceBuffer tensor = slice(find(name));
        HostArray.checkBytes(values, tensor.byteSize(), type, name);
        tensor.copyFrom(values);
    }

    DeviceBuffer slice(Parameter parameter) {
        return buffer.slice(offset.applyAsLong(parameter), parameter.elements() * type.byteSize());
    }
}
