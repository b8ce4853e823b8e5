package dev.lnrnn;

import dev.lnrnn.memory.DeviceBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** A flat buffer laid out as a plan's parameters (themselves, or their gradients), and its tensors by name. */
final class FlatTensors {
    private final Plan plan;
    private final DeviceBuffer buffer;

    FlatTensors(Plan plan, DeviceBuffer buffer) {
        this.plan = plan;
        this.buffer = buffer;
    }

    DeviceBuffer buffer() {
        return buffer;
    }

    List<String> names() {
        List<String> names = new ArrayList<>();
        for (Parameter parameter : plan.parameters()) {
            names.add(parameter.name());
        }
        return List.copyOf(names);
    }

    Parameter find(String name) {
        Objects.requireNonNull(name, "name");
        for (Parameter parameter : plan.parameters()) {
            if (parameter.name().equals(name)) {
                return parameter;
            }
        }
        throw new IllegalArgumentException("there is no parameter \"" + name + "\", expected one of " + names());
    }

    HostArray get(String name, DataType type) {
        HostArray.checkType(plan.spec(), type);
        Parameter parameter = find(name);
        HostArray values = HostArray.allocate(type, bytes(parameter), name);
        slice(parameter).copyTo(values.segment());
        return values;
    }

    void set(String name, MemorySegment values, DataType type) {
        HostArray.checkType(plan.spec(), type);
        Parameter parameter = find(name);
        HostArray.checkBytes(values, bytes(parameter), type, name);
        slice(parameter).copyFrom(values);
    }

    private DeviceBuffer slice(Parameter parameter) {
        return buffer.slice(parameter.offsetBytes(), bytes(parameter));
    }

    private long bytes(Parameter parameter) {
        return parameter.elements() * plan.spec().dataType().byteSize();
    }
}
